"""Makes new connectors from templates."""
