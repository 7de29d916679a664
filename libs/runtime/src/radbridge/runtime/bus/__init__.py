"""The event log: one protocol, an embedded implementation in SQLite and one on Kafka."""
