"""The database itself: connections, migrations, and what every statement needs."""
