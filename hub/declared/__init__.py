"""Reads what people declare in files. A file costs no more than its size: no device, no bomb, no endless expression."""
