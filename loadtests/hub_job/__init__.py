"""The hub as a contender: the job as an agent of the hub's own parts, and the worker that runs it."""
