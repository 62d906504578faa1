# shellcheck shell=bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# What the examples' run.sh share. Sourced, not run.

examples=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# An installed Quiesce on the PATH, or the one built in this tree.
if ! command -v quiesce >/dev/null 2>&1; then
    PATH=$examples/../build/stage/bin:$PATH
fi
# A pipe that this shell inherited would be the example's too, and a pipe cannot be saved: give them up.
for descriptor in "/proc/$$/fd/"*; do
    descriptor=${descriptor##*/}
    # 255 is bash's own, for the script that it reads.
    if [[ $descriptor -gt 2 && $descriptor -ne 255 ]]; then
        exec {descriptor}>&-
    fi
done
work=$(mktemp -d "${TMPDIR:-/tmp}/quiesce-example.XXXXXX")
export QUIESCE_HOME=$work/home
children=()

finish() {
    local child
    for child in "${children[@]}"; do
        kill -KILL "$child" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap finish EXIT

# mpirun refuses to run as root, and counts cores, unless told otherwise.
mpi_options=(--oversubscribe)
if [[ $(id -u) -eq 0 ]]; then
    mpi_options+=(--allow-run-as-root)
fi

step_number=0
step() {
    step_number=$((step_number + 1))
    printf '[%d] %s\n' "$step_number" "$*"
}

fail() {
    echo "$*" >&2
    exit 1
}

# wait_for SECONDS COMMAND...: until COMMAND succeeds.
wait_for() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        [[ $SECONDS -lt $deadline ]] || fail "gave up waiting for: $*"
        sleep 0.05
    done
}

gone() {
    ! kill -0 "$1" 2>/dev/null
}

# watch PID: a child that will be killed; ended with this script, and without the shell's remark when it is.
watch() {
    children+=("$1")
    disown "$1"
}

# reap PID: waits for the end of a watched child that was killed.
reap() {
    wait_for 20 gone "$1"
    children=()
}

# All descendants of a process, one pid a line.
descendants() {
    local child children_of
    read -r -d '' -a children_of < <(cat "/proc/$1/task/"*/children 2>/dev/null) || true
    for child in "${children_of[@]}"; do
        echo "$child"
        descendants "$child"
    done
}

# run_mpi_example NAME RANKS WAIT_FOR_LINE PROGRAM ARGS...: undisturbed; then checkpointed, killed and restarted; compares.
run_mpi_example() {
    local name=$1 ranks=$2 line=$3
    shift 3
    local before=$work/undisturbed.out after=$work/restarted.out first=$work/first.out reference victims

    step "undisturbed run: mpirun -np $ranks $(basename "$1") ${*:2}"
    mpirun "${mpi_options[@]}" -np "$ranks" "$@" >"$before"
    tail -n 1 "$before"

    step "the same under quiesce run, checkpointed while messages are in flight"
    quiesce run --name "$name" --dir "$work/checkpoints" -- \
        mpirun "${mpi_options[@]}" -np "$ranks" "$@" >"$first" 2>"$work/first.err" &
    local job=$!
    watch "$job"
    wait_for 60 grep -q "$line" "$first"
    reference=$(quiesce checkpoint "$name") || fail "the checkpoint failed: $(cat "$work/first.err")"
    echo "committed: $reference"
    quiesce info "$work/checkpoints/$name" || true

    step "SIGKILL to mpirun and all ranks"
    victims=$(descendants "$job")
    # shellcheck disable=SC2086 # one word per pid
    kill -KILL "$job" $victims 2>/dev/null || true
    local pid
    for pid in $victims; do
        wait_for 20 gone "$pid"
    done
    reap "$job"
    grep -q checksum "$first" && fail "the job ended before it was killed; choose more steps"
    echo "killed: $(wc -w <<<"$victims") processes; last words: $(tail -n 1 "$first")"

    step "restart from the manifest: quiesce restart"
    quiesce restart "$work/checkpoints/$name" >"$after"
    tail -n 1 "$after"

    step "comparison, bit for bit"
    [[ $(tail -n 1 "$before") == *checksum* ]] || fail "the undisturbed run printed no checksum"
    cmp <(tail -n 1 "$before") <(tail -n 1 "$after") || fail "$name: DIFFERENT"
    echo "$name: identical"
}
