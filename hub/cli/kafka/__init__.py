"""Commands about topics, rights, schemas and contracts, and about what was set aside."""
