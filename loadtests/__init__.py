"""Load tests: the hub and what a city's engineer would otherwise pick, side by side, on one broker and the same data."""
