"""How long clocks run, learnt from a city's own due times."""
