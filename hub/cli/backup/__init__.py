"""`cityhub backup` and `cityhub restore`: what a hub keeps beside Kafka, as one file."""
