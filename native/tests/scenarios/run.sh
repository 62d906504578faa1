#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# Runs one scenario in one mode. usage: run.sh BIN MODE PROGRAM
# Modes: continue (checkpoints every 50 ms, the program runs on), restart (killed and restarted), restart-twice (the same image
# twice), generation2 (the restarted process is saved, killed and restarted again). Prints TAP; 77: skipped.
set -euo pipefail

bin=$1
mode=$2
program=$3
dir=$(mktemp -d "${TMPDIR:-/tmp}/quiesce-scenario.XXXXXX")
image=$dir/image
pid=
restart_pid=

# shellcheck disable=SC2317 # called by the trap
finish() {
    [[ -z $pid ]] || kill -KILL "$pid" 2>/dev/null || true
    [[ -z $restart_pid ]] || kill -KILL "$restart_pid" 2>/dev/null || true
    rm -rf "$dir"
}
trap finish EXIT

fail() {
    echo "not ok 1 - $(basename "$program") in mode $mode"
    echo "# $*"
    sed 's/^/# /' "$dir"/log 2>/dev/null || true
    echo "1..1"
    exit 1
}

await_file() {
    local i
    for ((i = 0; i < 1500; i++)); do
        [[ ! -e $dir/$1 ]] || return 0
        sleep 0.02
    done
    fail "no file $1 after 30 s"
}

# Descriptors that the test driver left open are no part of a scenario.
without_descriptors() {
    local fd
    for fd in /proc/self/fd/*; do
        fd=${fd##*/}
        ((fd <= 2)) || eval "exec $fd>&-" 2>/dev/null || true
    done
    exec "$@"
}

save() { "$bin/cr_checkpoint" --nosync "$@" -f "$image" "$pid" </dev/null >>"$dir/log" 2>&1 || fail "cr_checkpoint: status $?"; }

# The image's pid may be had or not: the process is the only child of cr_restart.
restart() {
    local i
    (without_descriptors "$bin/cr_restart" "$image") </dev/null >>"$dir/log" 2>&1 &
    restart_pid=$!
    for ((i = 0; i < 250; i++)); do
        pid=$(cat "/proc/$restart_pid/task/$restart_pid/children" 2>/dev/null || true)
        pid=${pid// /}
        # From its own name on, the restored process can be asked for checkpoints.
        [[ -z $pid ]] || ! grep -qx cr-agent "/proc/$pid"/task/*/comm 2>/dev/null || break
        kill -0 "$restart_pid" 2>/dev/null || fail "cr_restart ended"
        sleep 0.02
    done
    [[ -n $pid ]] || fail "cr_restart made no process"
}

kill_all() {
    kill -KILL "$pid" 2>/dev/null || true
    wait "$restart_pid" 2>/dev/null || true
    restart_pid=
}

(without_descriptors "$bin/cr_run" "$program" "$dir") </dev/null >"$dir/log" 2>&1 &
pid=$!
await_file ready
if grep -q '^skip' "$dir/ready"; then
    echo "1..0 # SKIP $(cut -d' ' -f2- "$dir/ready")"
    exit 77
fi
case $mode in
continue)
    for ((i = 0; i < 10; i++)); do
        save
        sleep 0.05
    done
    ;;
restart)
    save --kill
    wait "$pid" 2>/dev/null || true
    restart
    ;;
restart-twice)
    save --kill
    wait "$pid" 2>/dev/null || true
    restart
    sleep 0.2
    kill_all
    restart
    ;;
generation2)
    save --kill
    wait "$pid" 2>/dev/null || true
    restart
    save --kill
    wait "$restart_pid" 2>/dev/null || true
    restart
    ;;
*) fail "unknown mode" ;;
esac
: >"$dir/go"
if [[ $mode == continue ]]; then # deadlines must hold while checkpoints go on
    for ((i = 0; i < 400; i++)); do
        [[ ! -e $dir/result ]] || break
        "$bin/cr_checkpoint" --nosync -f "$image" "$pid" </dev/null >>"$dir/log" 2>&1 || true
        sleep 0.05
    done
fi
await_file result
grep -q '^pass' "$dir/result" || fail "$(cat "$dir/result")"
echo "ok 1 - $(cut -d' ' -f2- "$dir/result") ($mode)"
echo "1..1"
