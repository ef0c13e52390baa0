"""Learns from a city's history which department is responsible for which reports."""
