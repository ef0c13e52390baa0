"""Judges what a back-test decided by what the city itself decided, and by another policy."""
