"""The database: its schema, its migrations, and every statement of SQL."""
