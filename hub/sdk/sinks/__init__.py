"""What leaves the hub by other ways than Kafka."""
