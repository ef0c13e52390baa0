"""`cityhub dead`: dead letters from the day they are set aside to the day nothing is to be done any more."""
