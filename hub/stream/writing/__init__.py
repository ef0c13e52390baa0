"""Transactions: one producer, where its records lie, and the proof that they do."""
