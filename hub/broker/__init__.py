"""The embedded broker: Apache Kafka itself, one KRaft node as a child process. Nothing here knows the hub's topics."""
