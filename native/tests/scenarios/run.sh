#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# Runs one scenario in one way. usage: run.sh BIN MODE WHO PLACE PROGRAM TREE [REFUSED]
#   MODE   continue (checkpoints every 50 ms, the program runs on), restart (killed and restarted), restart-twice (the same image
#          twice), generation2 (the restarted process is saved, killed and restarted again), random:SEED (killed and restarted
#          one to four times at any moment from its start to its end)
#   WHO    root, or user: an ordinary user without any right
#   PLACE  alone, or tree: a grandchild of the process that is saved, beside a sibling; TREE is the program that makes it so
#   REFUSED  words: every checkpoint is refused with these words, and the program does not notice
# Prints TAP; 77: skipped.
set -euo pipefail

bin=$1
mode=$2
who=$3
place=$4
program=$5
tree=$6
refused=${7:-}
dir=$(mktemp -d "${TMPDIR:-/tmp}/quiesce-scenario.XXXXXX")
image=$dir/image
name="$(basename "$program") ($mode, $who, $place)"
as=()
command=("$program" "$dir")
pid=
restart_pid=

# shellcheck source=SCRIPTDIR/../support/processes.sh
source "$(dirname "$0")/../support/processes.sh"
trap finish EXIT

fail() {
    echo "not ok 1 - $name"
    echo "# $*"
    sed 's/^/# /' "$dir"/log 2>/dev/null || true
    echo "1..1"
    exit 1
}

skip() {
    echo "1..0 # SKIP $*"
    exit 77
}

# Waits until the condition holds; at most 30 s.
await() {
    local what=$1 i
    shift
    for ((i = 0; i < 1500; i++)); do
        ! "$@" || return 0
        sleep 0.02
    done
    fail "$what: not within 30 s"
}

exists() { [[ -e $dir/$1 ]]; }

has_agent() { grep -qsx cr-agent "/proc/$pid"/task/*/comm || exists result || grep -qs '^skip' "$dir/ready"; }

wait_at_random() {
    local millis=$((RANDOM % 80))
    sleep "$(printf '0.%03d' $millis)"
}

save() {
    local status=0
    "${as[@]}" "$bin/cr_checkpoint" --nosync "$@" -f "$image" "$pid" </dev/null >>"$dir/log" 2>&1 || status=$?
    if [[ -z $refused ]]; then
        ((status != 0)) || return 0
        [[ $mode != random:* ]] || ! exists result || return 1 # it had ended before
        fail "cr_checkpoint: status $status"
    fi
    ((status != 0)) || fail "the checkpoint was not refused"
    grep -q -- "$refused" "$dir/log" || fail "not refused with the words '$refused'"
    [[ ! -e $image && ! -e $image.partial ]] || fail "a refused checkpoint left a file"
}

# The eldest restored process is the only child of cr_restart; from its agent's name on it can be asked for checkpoints.
has_come_back() {
    ! exists result || return 0 # it was quick
    kill -0 "$restart_pid" 2>/dev/null || fail "cr_restart ended"
    pid=$(cat "/proc/$restart_pid/task/$restart_pid/children" 2>/dev/null || true)
    pid=${pid%% *}
    [[ -n $pid ]] && grep -qx cr-agent "/proc/$pid"/task/*/comm 2>/dev/null
}

restart() {
    (without_descriptors "${as[@]}" "$bin/cr_restart" "$image") </dev/null >>"$dir/log" 2>&1 &
    restart_pid=$!
    await "the process coming back" has_come_back
}

end_restart() {
    kill_tree "$pid"
    wait "$restart_pid" 2>/dev/null || true
    restart_pid=
}

save_and_end() {
    save --kill || return 1
    wait "${restart_pid:-$pid}" 2>/dev/null || true
    restart_pid=
}

: >"$dir/log"
chmod 0666 "$dir/log" # an ordinary user's process opens it again at a restart
[[ $place == alone ]] || command=("$tree" "$dir" "$program")
if [[ $who == user ]]; then
    [[ $(id -u) -ne 0 ]] || as=(setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all)
    chmod 1777 "$dir"
elif [[ $(id -u) -ne 0 ]]; then
    skip "needs root"
fi
(without_descriptors "${as[@]}" "$bin/cr_run" "${command[@]}") </dev/null >>"$dir/log" 2>&1 &
pid=$!
if [[ $mode == random:* ]]; then
    RANDOM=${mode#random:}
    rounds=$((RANDOM % 4 + 1))
    late=$((RANDOM % rounds + 1)) # from this round on the program checks what it has
    for ((i = 1; i <= rounds; i++)); do
        ((i != late)) || : >"$dir/go"
        await "the agent" has_agent
        wait_at_random
        if exists result || grep -qs '^skip' "$dir/ready"; then break; fi
        save_and_end || break
        restart
    done
fi
await "file ready" exists ready
if grep -q '^skip' "$dir/ready"; then
    skip "$(cut -d' ' -f2- "$dir/ready")"
fi
if [[ -n $refused ]]; then
    save
else
    case $mode in
    continue)
        for ((i = 0; i < 10; i++)); do
            save
            sleep 0.05
        done
        ;;
    restart)
        save_and_end
        restart
        ;;
    restart-twice)
        save_and_end
        restart
        end_restart
        restart
        ;;
    generation2)
        save_and_end
        restart
        save_and_end
        restart
        ;;
    random:*) ;;
    *) fail "unknown mode" ;;
    esac
fi
: >"$dir/go"
if [[ $mode == continue && -z $refused ]]; then # deadlines must hold while checkpoints go on
    for ((i = 0; i < 400; i++)); do
        ! exists result || break
        "${as[@]}" "$bin/cr_checkpoint" --nosync -f "$image" "$pid" </dev/null >>"$dir/log" 2>&1 || true
        sleep 0.05
    done
fi
await "file result" exists result
grep -q '^pass' "$dir/result" || fail "$(cat "$dir/result")"
if [[ $place == tree ]]; then
    await "file tree-result" exists tree-result
    grep -q '^pass' "$dir/tree-result" || fail "$(cat "$dir/tree-result")"
fi
echo "ok 1 - $(cut -d' ' -f2- "$dir/result") ($mode, $who, $place)"
echo "1..1"
