# shellcheck shell=bash
# The smallest job that proves an account works: what follows job.sh.
begin
run_python -m metasweep.cluster.node
