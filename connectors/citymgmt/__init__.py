"""Connector citymgmt: City management (数字城管). See README.md."""
