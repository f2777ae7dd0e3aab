"""The database itself: its connections, and what every statement needs."""
