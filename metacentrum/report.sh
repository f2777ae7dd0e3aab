#!/usr/bin/env bash
# The last job: says whether the grid is complete, and builds the report of the finished runs. From the project's folder:
#   qsub -v SWEEP=entity/project/id metacentrum/report.sh
#PBS -N metasweep-report
#PBS -l select=1:ncpus=1:mem=4gb:scratch_local=1gb
#PBS -l walltime=0:30:00
#PBS -j oe
#PBS -k oed
set -euo pipefail

REPORT="-m analysis"
PROJECT=${PROJECT:-${PBS_O_WORKDIR:-${SLURM_SUBMIT_DIR:-$PWD}}}

# shellcheck source=metasweep/cluster/scripts/job.sh
source "$PROJECT/metasweep/cluster/scripts/job.sh" || { echo "$PROJECT is not the project: submit from its folder." >&2; exit 2; }
# shellcheck source=metasweep/cluster/scripts/report.sh
source "$PROJECT/metasweep/cluster/scripts/report.sh"
