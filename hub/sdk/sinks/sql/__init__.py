"""Orders, receipts, replies, cases and notices as rows of a database, each exactly once."""
