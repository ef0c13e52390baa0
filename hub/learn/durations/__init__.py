"""Learns from a city's own due times how long its clocks run."""
