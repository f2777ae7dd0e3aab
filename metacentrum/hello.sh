#!/usr/bin/env bash
# The smallest job that shows that an account works: which node, Python, torch, GPU and scratch it gets, and whether
# the server answers. From the project's folder:  qsub metacentrum/hello.sh
#PBS -N hello
#PBS -l select=1:ncpus=1:mem=4gb:scratch_local=1gb
#PBS -l walltime=0:05:00
#PBS -j oe
#PBS -k oed
set -euo pipefail

PROJECT=${PROJECT:-${PBS_O_WORKDIR:-${SLURM_SUBMIT_DIR:-$PWD}}}

# shellcheck source=metasweep/cluster/scripts/job.sh
source "$PROJECT/metasweep/cluster/scripts/job.sh" || { echo "$PROJECT is not the project: submit from its folder." >&2; exit 2; }
# shellcheck source=metasweep/cluster/scripts/hello.sh
source "$PROJECT/metasweep/cluster/scripts/hello.sh"
