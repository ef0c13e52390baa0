"""Connector petition: Petitions (信访). See README.md."""
