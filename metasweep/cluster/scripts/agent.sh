# shellcheck shell=bash
# A job of sweep agents: what follows job.sh.
SWEEP=${SWEEP:-}                          # ENTITY/PROJECT/ID, as `wandb sweep` prints it
AGENT=${AGENT:--m metasweep agent}        # what Python runs
AGENT_OPTIONS=${AGENT_OPTIONS:-}          # more of its options, such as "--workers 4 --checkpoint-dir checkpoints"

[[ -n $SWEEP ]] || fail "Which sweep? qsub -v SWEEP=entity/project/id metacentrum/agent.sh"
read -ra agent <<<"$AGENT"
read -ra options <<<"$AGENT_OPTIONS"
begin
run_python "${agent[@]}" "$SWEEP" "${options[@]}"
