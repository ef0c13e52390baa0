"""One simulated day, always the same, through the hub in memory: proves that a change to the code changes nothing that it does."""
