"""What has become of jobs: their states, their ends, their points, as a table."""
