# shellcheck shell=bash
# What every job does around its program: scratch, software, key, signals, cleaning. `submit` writes it into the
# job's script; a script that is submitted by hand sources it.
# PBS starts some jobs a second time while the first copy is still alive, with the same id and the same
# SCRATCHDIR: nothing here may disturb another copy. Ids and paths contain [1]: every expansion is quoted.

note() { printf '%s\n' "$*" >&2; }

fail() { note "$@"; exit 2; }

# Settings that every job script has: write them at its top, or give them to `qsub -v`. Never a key: what is given to
# qsub can be read by everyone.
PROJECT=${PROJECT:-$PWD}         # the folder that the program works in
MODULES=${MODULES:-}             # modules to load, such as python/3.11; see `module avail`
IMAGE=${IMAGE:-}                 # a Singularity image to run in
VENV=${VENV:-$PROJECT/.venv}     # the environment whose bin/python is used
BASE_URL=${BASE_URL:-}           # another server than the one that wandb is set to
KEY_FILE=${KEY_FILE:-}           # a file with its key, readable by you alone; empty: where `wandb login` saved it
SERVED=${SERVED:-}               # the folder of a server that runs as a job
LOGS=${LOGS:-}                   # a folder for notes on how the job ended, and for records that were not sent

INDEX=${PBS_ARRAY_INDEX:-${SLURM_ARRAY_TASK_ID:-1}}
container=()
python=
work=

# Everything before the program.
begin() {
    cd -- "$PROJECT" || fail "Cannot go to $PROJECT."
    open_scratch
    [[ ! -d $LOGS ]] || export METASWEEP_TALLY=$LOGS/agent.$INDEX.json # for `jobs`, by the agent
    open_software
    open_server
    take_over
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
    exec 7>"$work/lock"
    flock 7 # held for as long as this shell lives
    trap leave EXIT
    trap 'forward TERM' TERM
    trap 'forward INT' INT
    export TMPDIR=$work
    export METASWEEP_KEEPS_RECORDS=yes # here, in `leave`
    export WANDB_DIR=$work WANDB_CACHE_DIR=$work/cache WANDB_DATA_DIR=$work/data XDG_CACHE_HOME=$work/cache
}

# The software: a Singularity image or modules, and the environment in both.
open_software() {
    local modules
    if [[ -n $MODULES ]]; then
        command -v module >/dev/null || fail "MODULES is set, but this node has no 'module' command."
        read -ra modules <<<"$MODULES"
        set +u # the site's functions use variables that are not set
        module add "${modules[@]}" || fail "Cannot load the modules $MODULES: see 'module avail'."
        set -u
    fi
    if [[ -n $IMAGE ]]; then
        [[ -e $IMAGE ]] || fail "No Singularity image $IMAGE."
        container=(singularity exec --bind "$work" --bind "$PROJECT" --pwd "$PROJECT")
        [[ ! -d $LOGS ]] || container+=(--bind "$LOGS")
        [[ -z ${CUDA_VISIBLE_DEVICES:-} ]] || container+=(--nv)
        container+=("$IMAGE")
        if [[ -n ${PBS_JOBID:-} ]] && qstat -f -F json "$PBS_JOBID" </dev/null >"$work/job.json"; then
            export METASWEEP_JOB_RECORD=$work/job.json # inside an image, nobody can ask PBS
        fi
    fi
    find_python
    export PYTHONUNBUFFERED=1 OMP_NUM_THREADS="${OMP_NUM_THREADS:-${NCPUS:-${SLURM_CPUS_PER_TASK:-1}}}"
}

# The environment's Python; in an image it may be a link that leads nowhere outside, so look beside it.
find_python() {
    python=python3
    [[ -e $VENV/pyvenv.cfg || -x $VENV/bin/python ]] || return 0
    python=$VENV/bin/python
    export PATH="$VENV/bin:$PATH"
}

# Where the server is, and the key: from a file, as everyone can read what is given to qsub. Without KEY_FILE,
# ~/.netrc has it, where `wandb login` put it.
open_server() {
    [[ -z $BASE_URL ]] || export WANDB_BASE_URL=$BASE_URL
    [[ -z $SERVED ]] || open_relay
    [[ -n $KEY_FILE ]] || return 0
    [[ -r $KEY_FILE ]] || fail "Cannot read the key in $KEY_FILE."
    WANDB_API_KEY=$(<"$KEY_FILE")
    export WANDB_API_KEY
}

# A server that is a job itself moves from node to node. The relay gives it one address for the clients here.
open_relay() {
    "${container[@]}" "$python" -m metasweep.cluster.serving.relay "$SERVED" "$work/relay" "$$" 7>&- &
    until [[ -s $work/relay ]]; do
        kill -0 "$!" 2>/dev/null || fail "No way to the server of $SERVED."
        sleep 0.1
    done
    WANDB_BASE_URL=https://127.0.0.1:$(<"$work/relay")
    export WANDB_BASE_URL
    KEY_FILE=$SERVED/key
    cat /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt "$SERVED/cert.pem" \
        >"$work/ca.pem" 2>/dev/null || : # each of the first two is only on some systems
    export SSL_CERT_FILE=$work/ca.pem REQUESTS_CA_BUNDLE=$work/ca.pem
}

# A copy of this job that died with its node has left its folder in the scratch that we were given again. Nobody
# holds its lock: keep the records that it could not send, and remove it.
take_over() {
    local other
    for other in "${work%/*}"/j??????; do
        [[ -O $other/lock && $other != "$work" ]] || continue
        (flock -n 8 && save_unsent "$other" && rm -rf -- "$other") 8<"$other/lock" 7>&- || :
    done
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
    ) 7>&- &
    while kill -0 "$!" 2>/dev/null; do wait "$!" || :; done
    status=$(cat -- "$work/status") || status=1
    rm -f -- "$work/pid" "$work/status"
    return "$status"
}

# For `jobs`: after a signal the scheduler does not know the program's own exit status.
record_end() {
    [[ -d $LOGS ]] || return 0
    printf '%s %s %s\n' "$1" "$(hostname)" "$(date +%s)" >"$LOGS/ended.$INDEX.$(hostname).$$" || :
}

# Records of runs that the server has not acknowledged lie in wandb's folder in scratch: keep them, whatever the exit
# status. In bash alone, because at the end of a job every second counts. The agent notes which folders were sent, and
# how the others are (metasweep/agent/runs/unsent.py).
save_unsent() {
    local folder=$1/wandb run name target='' command kept=()
    for run in "$folder"/run-* "$folder"/offline-run-*; do
        name=${run##*/}
        [[ -n $(find "$run" -maxdepth 1 -name '*.wandb' -size +0 2>/dev/null) ]] || continue
        ! grep -qsxF -- "$name" "$folder/sent-runs" || continue
        if [[ -z $target ]]; then
            mkdir -p -- "${LOGS:=$PROJECT/logs}" && target=$(mktemp -d -- "$LOGS/unsent.$INDEX.XXXXXX") || return 1
        fi
        cp -r -- "$run" "$target/" || return 1
        kept+=("$target/$name")
    done
    [[ -n $target ]] || return 0
    command=$(cat -- "$folder/sync-command" 2>/dev/null) || command="wandb sync --include-online"
    if [[ -n $SERVED ]]; then # the address in the command is of this job alone
        command="WANDB_BASE_URL=ADDRESS ${command#WANDB_BASE_URL=* }"
        note "For the next command, when the jobs that serve have ended, ADDRESS is that of" \
            "$python -m metasweep server start --server-dir ${SERVED@Q}/state"
    fi
    [[ -z $KEY_FILE ]] || command="WANDB_API_KEY=\$(cat ${KEY_FILE@Q}) $command"
    note "The server may lack records of ${#kept[@]} run(s), kept in $target. Send them:  $command ${kept[*]@Q}"
}

leave() {
    local status=$? saved=
    trap '' TERM INT
    save_unsent "$work" && saved=yes
    record_end "$status"
    if [[ -n $saved ]]; then
        exec 7>&-
        rm -rf -- "$work"
    else
        export CLEAN_SCRATCH=false
        note "Could not copy the records of this job's runs: they are kept in $work on $(hostname)."
    fi
    # Another copy of this job may still work in the same scratch: the last one cleans it.
    if [[ -d ${SCRATCHDIR:-} && -z $(ls -A -- "$SCRATCHDIR") ]] && command -v clean_scratch >/dev/null; then
        clean_scratch || :
    fi
    exit "$status"
}
