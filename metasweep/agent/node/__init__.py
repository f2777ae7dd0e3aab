"""What this job was given: cores, memory of its GPU, time, and a local disk."""
