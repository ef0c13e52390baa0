"""An agent's state and its changelog: kept, written, proven and read back."""
