"""Connector hotline: Citizen hotline 12345 (12345热线). See README.md."""
