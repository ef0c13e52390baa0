"""Commands about a city's rules: checked, applied, tried on history and learnt from it."""
