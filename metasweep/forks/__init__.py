"""The processes of runs: forked, started ahead, or plain. Nothing here knows of sweeps.

The agent's side
- program: what a command line starts; ways: how it is started, and why; reading: whether a fork would differ
- pool: starts runs, signals them, waits for their end; messages: between the pool and the forkserver

The forkserver
- forkserver: a child for each run; starting: how it gets one; children: those that run; spares: those that
  wait for a run
- warmup: what is imported first; leading_imports: the imports with which a program begins
- services: the wandb service that all runs share, and what it is told of runs that died
- process: signals, the parent, and exit statuses

In the process of a run
- child: a fork becomes a program, and ends; ahead: the same for a new interpreter
- turns: a run waits for its turn; main_module: runs a program as `__main__`
- interpreter: private names of CPython; command_line; shared_service
"""
