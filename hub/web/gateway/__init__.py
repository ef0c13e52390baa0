"""Departments by HTTP: their orders, receipts and open cases, and what they say of them."""
