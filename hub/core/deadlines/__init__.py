"""How long each clock may run, and until when."""
