"""What an agent reads: its topics, the records that are ready, and how far behind it is."""
