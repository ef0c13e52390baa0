"""Policies as a whole: examples that must hold, one that follows another."""
