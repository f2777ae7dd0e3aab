"""What runs send while they run: their history, their files."""
