"""Processes that a command starts, stops and asks."""
