"""Calendars, time zones and working time."""
