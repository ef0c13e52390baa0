"""Which events are admitted, and which were seen before."""
