"""Tables and views of SQL databases, read as they grow and change."""
