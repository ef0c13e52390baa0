"""Drafts a city's policy from its history: who was responsible, how long it had, what was one incident. A person reviews it."""
