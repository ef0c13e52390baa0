"""The city's connectors: one folder a departmental system, found by its manifest.yaml."""
