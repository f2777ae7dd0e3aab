#!/usr/bin/env bash
# A job of sweep agents. `python -m metacentrum submit` fills it in; by hand, from the project's folder:
#   qsub -v SWEEP=entity/project/id metacentrum/agent.sh
# More settings are at the top of job.sh. The key comes from `wandb login`, never from -v: everyone can read that.
#PBS -N metasweep
#PBS -J 1-10
#PBS -l select=1:ncpus=4:mem=8gb:scratch_local=10gb
#PBS -l walltime=4:00:00
#PBS -j oe
#PBS -k oed
set -euo pipefail

SWEEP=${SWEEP:-}                 # ENTITY/PROJECT/ID, as `wandb sweep` prints it
AGENT_OPTIONS=${AGENT_OPTIONS:-} # more options of agent.py, such as "--workers 4 --checkpoint-dir checkpoints"
REPOSITORY=${REPOSITORY:-${PBS_O_WORKDIR:-${SLURM_SUBMIT_DIR:-$PWD}}}

# shellcheck source=metacentrum/job.sh
source "$REPOSITORY/metacentrum/job.sh" || { echo "$REPOSITORY is not the project: submit from its folder." >&2; exit 2; }
[[ -n $SWEEP ]] || fail "Which sweep? qsub -v SWEEP=entity/project/id metacentrum/agent.sh"
read -ra options <<<"$AGENT_OPTIONS"
begin
limit=()
if [[ -n $IMAGE && -n ${PBS_JOBID:-} ]]; then # inside an image, the agent cannot ask PBS
    walltime=$(qstat -f "$PBS_JOBID" </dev/null | sed -n 's/^ *Resource_List.walltime = //p') || walltime=
    [[ -z $walltime ]] || limit=(--walltime "$walltime") # without one it works until it is told to go
fi
run_python agent.py "$SWEEP" "${limit[@]}" "${options[@]}"
