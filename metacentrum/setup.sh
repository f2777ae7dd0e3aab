#!/usr/bin/env bash
# Makes the environment on shared storage and fetches the data set, once: pip needs more room than /tmp has, so this
# is a job with scratch. A second call does nothing. From the project's folder:  qsub metacentrum/setup.sh
#PBS -N setup
#PBS -l select=1:ncpus=2:mem=8gb:scratch_local=20gb
#PBS -l walltime=1:00:00
#PBS -j oe
#PBS -k oed
set -euo pipefail

PROJECT=${PROJECT:-${PBS_O_WORKDIR:-${SLURM_SUBMIT_DIR:-$PWD}}}

# shellcheck source=metasweep/cluster/scripts/job.sh
source "$PROJECT/metasweep/cluster/scripts/job.sh" || { echo "$PROJECT is not the project: submit from its folder." >&2; exit 2; }
# shellcheck source=metacentrum/environment.sh
source "$PROJECT/metacentrum/environment.sh"
