"""Makes faults beside the real Prometheus and Alertmanager, and tells which alarm reached somebody, and how soon."""
