"""`cityhub connector`: what connectors there are, trying them, running them, and what they are doing."""
