"""Connector police: Police calls (公安接处警). See README.md."""
