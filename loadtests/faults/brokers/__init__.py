"""Faults of a cluster of three brokers, in short rounds, each with a proof of its own."""
