# shellcheck shell=bash
# The environment and the data set of the study: what follows job.sh.
DATASET=${DATASET:-mnist}

begin
mkdir -p -- "$VENV"
exec 9>"$VENV/.lock" # two of these at once would write the same files
flock 9
run make --no-print-directory setup PYTHON=python3 VENV="$VENV"
exec 9>&-
find_python
# A node may have no internet access. The environment is useful anyway, and a data set can be copied by hand.
run_python -m metacentrum.data "$DATASET" || note "Going on without the data set $DATASET."
run_python -m metasweep.cluster.node
