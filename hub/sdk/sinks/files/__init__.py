"""Deliveries as files for people and for systems that take them up: CSV or XLSX, one a day for each stream."""
