"""What was measured, written down: Markdown to read, JSON to compare, plots."""
