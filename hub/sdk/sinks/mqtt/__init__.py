"""Deliveries as MQTT messages."""
