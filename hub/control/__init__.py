"""The slow control plane: what operators and workers say to all workers of a hub, on `hub.control`. Knows no rules of a city."""
