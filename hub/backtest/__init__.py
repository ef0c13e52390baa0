"""Plays a city's history through the core that the agents use, without a broker, in event time, and judges what comes out."""
