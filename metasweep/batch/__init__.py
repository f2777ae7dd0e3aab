"""What a batch system and its jobs agree on: walltimes, a job's variables, the exit codes of an agent.

Below the agent, which runs in a job, and the cluster commands, which submit one.
"""
