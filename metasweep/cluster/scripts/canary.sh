# shellcheck shell=bash disable=SC2154 # job.sh sets python and work
# The canary: one run of the sweep, before the jobs that wait for it start. It follows job.sh.
SWEEP=${SWEEP:-}                          # ENTITY/PROJECT/ID, as `wandb sweep` prints it
AGENT=${AGENT:--m metasweep agent}        # what Python runs
AGENT_OPTIONS=${AGENT_OPTIONS:-}          # more of its options

[[ -n $SWEEP ]] || fail "Which sweep?"
read -ra agent <<<"$AGENT"
read -ra options <<<"$AGENT_OPTIONS"
begin
run_python -m metasweep.cluster.submitting.canary "$SWEEP" \
    "$python" "${agent[@]}" "$SWEEP" --workers 1 --count 1 "${options[@]}"
