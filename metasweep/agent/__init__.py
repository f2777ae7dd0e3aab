"""The sweep agent's workers.

- account: which server and key, found the way wandb finds them
- protocol: the sweep protocol over GraphQL; sweep: a sweep's name, file and configuration
- command: from a claimed configuration to the argument list; program: how it can be run
- pool: the agent's side of the forkserver; forkserver: the process that forks a child per run;
  warmup: what it imports beforehand; child: how a fork becomes a fresh process; service: the wandb service
- slot: one worker: claim, run, report, again; fleet: all of them, and when to stop
- missing: the points that no run has finished
- trainers: processes that train several runs at once
- resources: cores and threads of this job; packing: workers that share a GPU
- walltime: how long it may run; display: what the user sees
"""
