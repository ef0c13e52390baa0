"""The agent that runs the clocks of cases."""
