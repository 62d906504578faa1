#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# An unmodified program is saved with its whole tree at random moments, killed, and restarted, until it ends; its results are
# compared with those of an undisturbed run. usage: run.sh BIN PROGRAM.sh [ROUNDS [SEED [user]]]
#   PROGRAM.sh defines: needs (commands), setup (in the working directory), job (the command, an array), and results (files that
#   are compared; the default is its standard output, "out"). ROUNDS: how often it is killed at most; SEED: of the moments;
#   user: root calls it, and all is done by an ordinary user without any right, so that every restart gives other ids.
# Prints TAP; 77: skipped.
set -euo pipefail

if [[ ${5:-} == user && $(id -u) -eq 0 ]]; then
    command -v setpriv >/dev/null || { echo "1..0 # SKIP needs setpriv" && exit 77; }
    exec setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all "$0" "$@"
fi
bin=$1
source_file=$2
rounds=${3:-4}
seed=${4:-$RANDOM}
name=$(basename "$source_file" .sh)
dir=$(mktemp -d "${TMPDIR:-/tmp}/quiesce-program.XXXXXX")
needs=()
job=()
results=(out)
settings=()
setup() { :; }
pid=
restart_pid=
RANDOM=$seed

# shellcheck source=SCRIPTDIR/../support/processes.sh
source "$(dirname "$0")/../support/processes.sh"
trap finish EXIT

fail() {
    echo "not ok 1 - $name (seed $seed)"
    echo "# $*"
    tail -n 20 "$dir"/log 2>/dev/null | sed 's/^/# /' || true
    echo "1..1"
    exit 1
}

is_running() { [[ -d /proc/$1 ]] && ! grep -q '^State:.[ZX]' "/proc/$1/status" 2>/dev/null; }

# The kernel lets an interval of up to MILLIS pass, chosen by the seed.
wait_at_random() {
    local millis=$((RANDOM % $1 + 1))
    sleep "$(printf '%d.%03d' $((millis / 1000)) $((millis % 1000)))"
}

has_come_back() {
    pid=$(cat "/proc/$restart_pid/task/$restart_pid/children" 2>/dev/null || true)
    pid=${pid%% *}
    [[ -n $pid ]] && grep -qsx cr-agent "/proc/$pid"/task/*/comm
}

# Saves and kills the tree. Returns 1 when the program was quicker.
save_and_kill() {
    local status=0
    "$bin/cr_checkpoint" --nosync --kill -f "$dir/context" "$pid" </dev/null >>"$dir/log" 2>&1 || status=$?
    ((status == 0)) && return 0
    is_running "$pid" || return 1
    fail "cr_checkpoint: status $status"
}

restart() {
    local i
    (cd "$dir/run" && without_descriptors "$bin/cr_restart" "$dir/context") </dev/null >>"$dir/log" 2>&1 &
    restart_pid=$!
    for ((i = 0; i < 1500; i++)); do
        ! has_come_back || return 0
        is_running "$restart_pid" || return 1 # the program was quick, or its status will tell
        sleep 0.02
    done
    fail "the program did not come back within 30 s"
}

# shellcheck source=/dev/null
source "$source_file"
for command in "${needs[@]}"; do
    command -v "$command" >/dev/null || { echo "1..0 # SKIP needs $command" && exit 77; }
done
mkdir "$dir/reference" "$dir/run"
: >"$dir/log"
begun=$(date +%s%N)
(cd "$dir/reference" && setup >/dev/null 2>&1 && without_descriptors env "${settings[@]}" "${job[@]}" </dev/null >out 2>>"$dir/log") ||
    fail "the undisturbed run ended with status $?"
millis=$((($(date +%s%N) - begun) / 1000000))

(cd "$dir/run" && setup >/dev/null 2>&1)
(cd "$dir/run" && without_descriptors env "${settings[@]}" "$bin/cr_run" "${job[@]}" </dev/null >out 2>>"$dir/log") &
pid=$!
kills=0
for ((round = 0; round < rounds; round++)); do
    wait_at_random $((millis * 2 / (rounds + 1) + 2))
    save_and_kill || break
    kills=$((kills + 1))
    wait "${restart_pid:-$pid}" 2>/dev/null || true
    restart_pid=
    restart || break
done
status=0
wait "${restart_pid:-$pid}" || status=$?
((status == 0)) || fail "the program ended with status $status after $kills kills"
for result in "${results[@]}"; do
    cmp "$dir/reference/$result" "$dir/run/$result" >>"$dir/log" 2>&1 || fail "$result differs after $kills kills"
done
echo "ok 1 - $name: killed and restarted $kills times, same result (seed $seed)"
echo "1..1"
