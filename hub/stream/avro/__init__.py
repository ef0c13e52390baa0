"""Bytes and columns: the schema registry, and the codec by it."""
