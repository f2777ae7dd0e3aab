"""The status of jobs: their states, how they ended, and the points of their sweep."""
