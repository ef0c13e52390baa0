"""What a connector reads from."""
