"""`cityhub demo`."""
