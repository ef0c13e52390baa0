"""Who may: users, their sessions, and the trail of what was done."""
