"""Looks into the hub's topics from outside: where a key lives, what a topic holds. Reads committed records; changes nothing."""
