"""What happens to jobs: their states, their ends and their points, as a table."""
