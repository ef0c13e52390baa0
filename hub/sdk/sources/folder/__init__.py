"""Many files: those that are dropped into a folder, or those that a pattern names."""
