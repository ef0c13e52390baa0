"""The broker as its client sees it: how the hub gets in, what it asks, and what it does with the answers."""
