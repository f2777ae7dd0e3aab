#!/usr/bin/env bash
# Makes the environment on shared storage and fetches the data set, once: pip needs more room than /tmp has, so this
# is a job with scratch. A second call does nothing. From the project's folder:  qsub metacentrum/setup.sh
#PBS -N setup
#PBS -l select=1:ncpus=2:mem=8gb:scratch_local=20gb
#PBS -l walltime=1:00:00
#PBS -j oe
#PBS -k oed
set -euo pipefail

DATASET=${DATASET:-mnist}
REPOSITORY=${REPOSITORY:-${PBS_O_WORKDIR:-${SLURM_SUBMIT_DIR:-$PWD}}}

# shellcheck source=metacentrum/job.sh
source "$REPOSITORY/metacentrum/job.sh" || { echo "$REPOSITORY is not the project: submit from its folder." >&2; exit 2; }
begin
mkdir -p -- "$VENV"
exec 9>"$VENV/.lock" # two of these at once would write the same files
flock 9
run make --no-print-directory setup PYTHON=python3 VENV="$VENV"
exec 9>&-
find_python
run_python -m metacentrum.data "$DATASET"
run_python -m metasweep.cluster.node
