"""Figures of departments, counted from cases and clocks."""
