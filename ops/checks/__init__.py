"""Checks of what an operator is given: Prometheus rules, the dashboard, docker-compose.yml. Run all: `python -m ops.checks`."""
