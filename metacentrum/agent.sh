#!/usr/bin/env bash
# A job of sweep agents. `python -m metacentrum submit` does this for you; by hand, from the project's folder:
#   qsub -v SWEEP=entity/project/id metacentrum/agent.sh
# More settings are at the top of metasweep/cluster/scripts/job.sh and agent.sh. The key comes from `wandb login`, never
# from -v: everyone can read that.
#PBS -N metasweep
#PBS -J 1-10
#PBS -l select=1:ncpus=4:mem=8gb:scratch_local=10gb
#PBS -l walltime=4:00:00
#PBS -j oe
#PBS -k oed
set -euo pipefail

AGENT=agent.py
PROJECT=${PROJECT:-${PBS_O_WORKDIR:-${SLURM_SUBMIT_DIR:-$PWD}}}

# shellcheck source=metasweep/cluster/scripts/job.sh
source "$PROJECT/metasweep/cluster/scripts/job.sh" || { echo "$PROJECT is not the project: submit from its folder." >&2; exit 2; }
# shellcheck source=metasweep/cluster/scripts/agent.sh
source "$PROJECT/metasweep/cluster/scripts/agent.sh"
