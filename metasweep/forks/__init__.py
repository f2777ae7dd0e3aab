"""The processes of runs: forked, started ahead, or plain. Knows no sweep.

The agent's side
- program: what a command line starts; ways: how, and why so; reading: whether a program could tell a fork
- pool: starts runs, signals them, waits for their end; messages: what it and the forkserver say to each other

The forkserver
- forkserver: a child for each run, and those that stand by; warmup: what it imports
- service: the wandb service that runs share
- process: what a process owes its parent

In the process of a run
- child: a fork becomes a program, and ends; ahead: so does a new interpreter; turns: a run waits for its turn
- main_module: a program as `__main__`; interpreter: what CPython keeps private; command_line, shared_service
"""
