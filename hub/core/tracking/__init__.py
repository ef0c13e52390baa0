"""A case's life and its clocks, as the track agent keeps them."""
