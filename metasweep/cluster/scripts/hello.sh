# shellcheck shell=bash
# The smallest job that shows that an account works: what follows job.sh.
begin
run_python -m metasweep.cluster.node
