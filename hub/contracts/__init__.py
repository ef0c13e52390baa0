"""What the hub promises who reads and writes its topics: documents, what a change would take away, and whom it meets."""
