"""Rows of CSV, JSON and workbooks."""
