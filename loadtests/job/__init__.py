"""The job that is measured: its table, its clocks, its data and what must come of it. Knows nothing of the hub's code."""
