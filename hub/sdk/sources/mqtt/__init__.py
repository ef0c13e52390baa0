"""Sources of messages: sensors and alarms that speak MQTT."""
