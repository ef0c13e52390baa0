"""Runs edges: one by itself or all that are declared side by side, from where each had come, and says how each is."""
