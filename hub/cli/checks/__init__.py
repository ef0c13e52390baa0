"""Commands that look whether all is well."""
