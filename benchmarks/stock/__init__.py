"""The study's training as it is usually written, for comparison."""
