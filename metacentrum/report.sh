#!/usr/bin/env bash
# The last job: says whether the grid is complete, and builds the report of what there is. From the project's folder:
#   qsub -v SWEEP=entity/project/id metacentrum/report.sh
#PBS -N metasweep-report
#PBS -l select=1:ncpus=1:mem=4gb:scratch_local=1gb
#PBS -l walltime=0:30:00
#PBS -j oe
#PBS -k oed
set -euo pipefail

SWEEP=${SWEEP:-} # ENTITY/PROJECT/ID, as `wandb sweep` prints it
REPOSITORY=${REPOSITORY:-${PBS_O_WORKDIR:-${SLURM_SUBMIT_DIR:-$PWD}}}

# shellcheck source=metacentrum/job.sh
source "$REPOSITORY/metacentrum/job.sh" || { echo "$REPOSITORY is not the project: submit from its folder." >&2; exit 2; }
[[ -n $SWEEP ]] || fail "Which sweep? qsub -v SWEEP=entity/project/id metacentrum/report.sh"
begin
complete=0
run_python -m analysis status "$SWEEP" || complete=$?
run_python -m analysis report "$SWEEP" --output "${LOGS:-$REPOSITORY}/report"
exit "$complete"
