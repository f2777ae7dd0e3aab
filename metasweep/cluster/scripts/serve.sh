# shellcheck shell=bash disable=SC2154 # job.sh sets python and work
# The embedded server as a job: what follows job.sh.
SERVED=${SERVED:-$PROJECT/served}    # the folder on shared storage where agents find it
SERVE_HOST=${SERVE_HOST:-0.0.0.0}    # the address that it listens on

SERVES=$SERVED
SERVED='' # this job needs no relay
begin
umask 077
run_python -m metasweep.cluster.serving.host "$SERVES" "$work" "$SERVE_HOST"
