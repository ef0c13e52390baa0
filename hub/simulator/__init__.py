"""A simulated city that knows its own truth: to show the hub, to measure it, and to try a connector on."""
