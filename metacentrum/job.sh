# shellcheck shell=bash
# What every job does around its program: scratch, software, key, signals, cleaning. Sourced by the job scripts.
# PBS starts some jobs a second time while the first copy is still alive, with the same id and the same
# SCRATCHDIR: nothing here may disturb another copy. Ids and paths contain [1]: every expansion is quoted.

note() { printf '%s\n' "$*" >&2; }

fail() { note "$@"; exit 2; }

# Settings that every job script has: write them at its top, or give them to `qsub -v`. Never a key: what is given to
# qsub can be read by everyone.
MODULES=${MODULES:-}             # modules to load, such as python/3.11; see `module avail`
IMAGE=${IMAGE:-}                 # a Singularity image to run in
VENV=${VENV:-$REPOSITORY/.venv}  # the virtual environment that setup.sh makes
BASE_URL=${BASE_URL:-}           # another server than the one that wandb is set to
KEY_FILE=${KEY_FILE:-}           # a file with its key, readable by you alone; empty: where `wandb login` saved it
LOGS=${LOGS:-}                   # a folder for notes on how the job ended

INDEX=${PBS_ARRAY_INDEX:-${SLURM_ARRAY_TASK_ID:-1}}
container=()
python=
work=

# Everything before the program.
begin() {
    cd -- "$REPOSITORY" || fail "Cannot go to $REPOSITORY."
    open_scratch
    open_software
    open_server
}

# A folder of its own in scratch, for this copy of the job: everything temporary goes there, since /tmp is small.
# Its name is short, because sockets live in it and a socket's path may not be longer than 107 bytes.
open_scratch() {
    local parent=${SCRATCHDIR:-}
    if [[ ! -d $parent ]]; then
        parent=${TMPDIR:-/tmp}
        note "No SCRATCHDIR here: working in $parent."
    fi
    work=$(mktemp -d -- "$parent/jXXXXXX") || fail "Cannot write to $parent: is the scratch full, or not asked for?"
    trap leave EXIT
    trap 'forward TERM' TERM
    trap 'forward INT' INT
    export TMPDIR=$work
    export WANDB_DIR=$work WANDB_CACHE_DIR=$work/cache WANDB_DATA_DIR=$work/data XDG_CACHE_HOME=$work/cache
}

# The software: a Singularity image or modules, and the virtual environment in both.
open_software() {
    local modules
    if [[ -n $MODULES ]]; then
        command -v module >/dev/null || fail "MODULES is set, but this node has no 'module' command."
        read -ra modules <<<"$MODULES"
        set +u # the site's functions are not written for it
        module add "${modules[@]}" || fail "Cannot load the modules $MODULES: see 'module avail'."
        set -u
    fi
    if [[ -n $IMAGE ]]; then
        [[ -e $IMAGE ]] || fail "No Singularity image $IMAGE: see /cvmfs/singularity.metacentrum.cz/NGC/."
        container=(singularity exec --bind "$work" --bind "$REPOSITORY" --pwd "$REPOSITORY")
        [[ -z ${CUDA_VISIBLE_DEVICES:-} ]] || container+=(--nv)
        container+=("$IMAGE")
    fi
    find_python
    export PYTHONUNBUFFERED=1 OMP_NUM_THREADS="${OMP_NUM_THREADS:-${NCPUS:-1}}"
}

# The virtual environment's Python; in an image it may be a link that leads nowhere outside, so look beside it.
find_python() {
    python=python3
    [[ -e $VENV/pyvenv.cfg ]] || return 0
    python=$VENV/bin/python
    export PATH="$VENV/bin:$PATH"
}

# Where the server is, and the key: from a file, as everyone can read what is given to qsub. Without KEY_FILE,
# ~/.netrc has it, where `wandb login` put it.
open_server() {
    [[ -z $BASE_URL ]] || export WANDB_BASE_URL=$BASE_URL
    [[ -n $KEY_FILE ]] || return 0
    [[ -r $KEY_FILE ]] || fail "Cannot read the key in $KEY_FILE."
    WANDB_API_KEY=$(<"$KEY_FILE")
    export WANDB_API_KEY
}

# Schedulers signal every process of the job, but a person's `kill` reaches only this shell. The agent takes
# signals that come together as one.
forward() {
    [[ ! -s $work/pid ]] || kill -s "$1" "$(<"$work/pid")" 2>/dev/null || :
}

# Run Python, or another program, to its end, with the software of the job.
run_python() { run "$python" "$@"; }

# In the background, because bash runs a trap only after a foreground child has ended. The subshell, which waits for
# the program in the foreground, notes its exit status: a `wait` that a signal has cut short can lose it for good.
run() {
    local status
    (
        trap : TERM INT
        status=0
        bash -c 'echo "$$" >"$0" && exec "$@"' "$work/pid" "${container[@]}" "$@" || status=$?
        echo "$status" >"$work/status"
    ) &
    while kill -0 "$!" 2>/dev/null; do wait "$!" || :; done
    status=$(cat -- "$work/status") || status=1
    rm -f -- "$work/pid" "$work/status"
    return "$status"
}

# For `python -m metacentrum status`: after a signal the scheduler does not know the program's own exit status.
record_end() {
    [[ -d $LOGS ]] || return 0
    printf '%s %s %s\n' "$1" "$(hostname)" "$(date +%s)" >"$LOGS/ended.$INDEX.$(hostname).$$" || :
}

# What wandb could not send lies in its folder in scratch. An agent that ended with 0 (done) or 3 (preempted) says so.
save_unsent() {
    local status=$1 target
    ((status != 0 && status != 3)) || [[ -e $work/wandb/not-sent ]] || return 0
    [[ -d $work/wandb ]] || return 0
    mkdir -p -- "${LOGS:=$REPOSITORY/logs}" &&
        target=$(mktemp -d -- "$LOGS/unsent.$INDEX.XXXXXX") &&
        cp -r -- "$work/wandb" "$target/" &&
        note "The records of this job's runs are in $target; to send what is missing:" &&
        note "  wandb sync --include-online $target/wandb/run-* (before client 0.28 without the option)"
}

leave() {
    local status=$?
    trap '' TERM INT
    record_end "$status"
    if ! save_unsent "$status"; then
        export CLEAN_SCRATCH=false
        note "Could not copy the records of this job's runs: they are kept in $work on $(hostname)."
        exit "$status"
    fi
    rm -rf -- "$work"
    # Another copy of this job may still work in the same scratch: the last one cleans it.
    if [[ -d ${SCRATCHDIR:-} && -z $(ls -A -- "$SCRATCHDIR") ]] && command -v clean_scratch >/dev/null; then
        clean_scratch || :
    fi
    exit "$status"
}
