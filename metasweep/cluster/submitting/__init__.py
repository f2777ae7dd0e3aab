"""What is submitted: the script of a job, its size, the canary ahead of it, and another try."""
