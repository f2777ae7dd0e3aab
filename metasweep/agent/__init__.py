"""The sweep agent: claims points of a sweep and runs them, one worker per core.

- cli: prepare, run, report; options: what the user may ask for
- check: `metasweep check`, which runs the first point before all others
- workers: each worker claims, runs and reports; what the workers share, and when they stop
- runs: the command line, files, environment and log of one run
- points: the points that have no finished run, and the points that are new in a sweep
- node: the cores, GPUs, time and local disk of this job
- progress: how far the sweep is; display: what the user sees
"""
