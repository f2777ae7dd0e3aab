# shellcheck shell=bash
# The last job: says whether the grid is complete, builds the report of the finished runs, and runs the user's
# command (`submit --done`). It follows job.sh.
SWEEP=${SWEEP:-}                  # ENTITY/PROJECT/ID, as `wandb sweep` prints it
REPORT=${REPORT--m metasweep}     # what Python runs for `status` and `report`; empty: no report
DONE=${DONE:-}                    # a command for the end; $1 is the sweep, $2 is 0 when it is complete

[[ -n $SWEEP ]] || fail "Which sweep? qsub -v SWEEP=entity/project/id metacentrum/report.sh"
read -ra report <<<"$REPORT"
begin

# A server that is a job itself may be moving from one job to the next. What fails then is done again.
served() {
    local status=0
    until [[ -z $SERVED || -e $SERVED/address.json ]]; do sleep 1; done
    run_python "$@" || status=$?
    if [[ -n $SERVED && ! -e $SERVED/address.json ]]; then
        served "$@"
    else
        return "$status"
    fi
}

complete=0
built=0
if [[ -n $REPORT ]]; then
    served "${report[@]}" status "$SWEEP" || complete=$?
    served "${report[@]}" report "$SWEEP" --output "${LOGS:-$PROJECT}/report" || built=$?
else
    served -m metasweep status "$SWEEP" || complete=$?
fi
[[ -z $DONE ]] || run bash -c "$DONE" bash "$SWEEP" "$complete" || note "The command for the end failed: $DONE"
[[ -z $SERVED ]] || : >"$SERVED/stop" # all is done: the server copies its state and ends
exit "$((built ? built : complete))"
