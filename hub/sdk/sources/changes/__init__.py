"""Sources of change events: what Debezium writes into Kafka topics of each row that is made, changed or deleted in a database."""
