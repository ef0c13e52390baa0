"""Which department is responsible."""
