"""What changes a case after it was opened: revisions of its lead, departments and the desk, a link taken back, an erasure."""
