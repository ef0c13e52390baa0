"""Checks of what an operator is given, Prometheus rules, the dashboard, docker-compose.yml, and of the words in the code. Run all:
`python -m ops.checks`."""
