"""What a batch job and whoever submits it agree on: walltimes, a job's variables, an agent's exit codes.

Both the agent, which runs in a job, and the cluster commands, which submit jobs, use this package.
"""
