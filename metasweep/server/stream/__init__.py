"""What runs send while they run: histories and files."""
