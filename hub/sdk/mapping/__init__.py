"""How a source's records become statements, as its mapping says."""
