"""The agent that links reports into cases and routes them."""
