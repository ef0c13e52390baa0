"""From events to Kafka: encoded, sent, acknowledged; what cannot be used as dead letters."""
