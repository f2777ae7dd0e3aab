"""The sweep agent: claims points of a sweep and runs them, one worker per core.

- cli: prepare, run, report; options: what the user may ask for
- work: what all workers share, and when it is enough; worker: claim, run, report, again; fleet: all workers
- command: from a claimed configuration to the argument list; runfiles: the files and environment of one run
- missing: the points that no run has finished; extend: those that no run of an earlier sweep has
- check: the first point, before all others (`metasweep check`)
- trainers: processes that train several runs at once
- resources: cores and threads of this job; packing: workers that share a GPU
- walltime: how long it may run; progress: how far the sweep is; display: what the user sees
"""
