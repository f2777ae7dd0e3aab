"""What the batch system gave this job: cores, memory of its GPU, time, and a local disk."""
