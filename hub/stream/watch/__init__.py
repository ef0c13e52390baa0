"""Whether agents get on: who stands still, what nobody reads, what Kafka may delete unread."""
