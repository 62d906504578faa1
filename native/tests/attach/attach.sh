#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# cr_checkpoint of processes that were not started under cr_run. usage: attach.sh BIN LOAD ODD STATIC ROUNDS
set -uo pipefail

bin=$1
load=$2
odd=$3
static=$4
rounds=$5
dir=$(mktemp -d "${TMPDIR:-/tmp}/quiesce-attach.XXXXXX")
number=0
failures=0
started=()

# shellcheck disable=SC2317 # called by the trap
finish() {
    [[ ${#started[@]} -eq 0 ]] || kill -KILL "${started[@]}" 2>/dev/null
    rm -rf "$dir"
}
trap finish EXIT
exec 2>/dev/null # what the shell says of those who are killed

result() { # STATUS TEXT
    number=$((number + 1))
    if (($1 == 0)); then
        echo "ok $number - $2"
    else
        echo "not ok $number - $2"
        sed 's/^/# /' "$dir/log" 2>/dev/null
        failures=$((failures + 1))
    fi
}

close_descriptors() {
    local fd
    for fd in /proc/self/fd/*; do
        fd=${fd##*/}
        ((fd <= 2)) || eval "exec $fd>&-" 2>/dev/null || true
    done
}

await() { # COMMAND...: at most 30 s
    local i
    for ((i = 0; i < 3000; i++)); do
        ! "$@" || return 0
        sleep 0.01
    done
    return 1
}

has() { [[ -s $1 ]]; }

# Starts a program with its output in FILE and waits for the first of it.
begin() { # FILE COMMAND...
    rm -f "$1"
    (
        close_descriptors
        exec "${@:2}" <"$dir/in" >"$1" 2>&1
    ) &
    pid=$!
    started+=("$pid")
    await has "$1"
}

save() { timeout 60 "$bin/cr_checkpoint" --nosync -f "$dir/image" "$@" >"$dir/log" 2>&1 </dev/null; }

# Counts to the end in spite of being saved, killed and restarted; every number once.
test_counting() { # NAME COMMAND...
    local name=$1 status
    begin "$dir/out" "${@:2}"
    await grep -qx 5 "$dir/out"
    save --kill -p "$pid"
    result $? "$name is saved"
    wait "$pid" 2>/dev/null
    (
        close_descriptors
        exec timeout 60 "$bin/cr_restart" "$dir/image" </dev/null >>"$dir/log" 2>&1
    )
    status=$?
    [[ $status -eq 0 ]] && diff <(seq 60) "$dir/out" >>"$dir/log"
    result $? "and goes on after a restart (status $status)"
}

test_load() { # ROUNDS [block]
    local i bad=0
    for ((i = 0; i < $1; i++)); do
        rm -f "$dir/stop"
        begin "$dir/out" "$load" "$dir/stop" "${@:2}"
        save -p "$pid" || bad=$((bad + 1))
        : >"$dir/stop"
        wait "$pid" || bad=$((bad + 1))
        [[ $(tail -n 1 "$dir/out") == right ]] || { bad=$((bad + 1)); cp "$dir/out" "$dir/log"; }
        ((bad == 0)) || break
    done
    result "$bad" "a program with busy threads notices nothing, $1 times ${2:-}"
}

test_refused() { # MODE WORDS
    local target status
    begin "$dir/out" "$odd" "$1"
    target=$(head -n 1 "$dir/out")
    [[ $1 != stopped ]] || kill -STOP "$target"
    [[ $1 != stopped ]] || await grep -q 'T (stopped)' "/proc/$target/status"
    save -p "$target"
    status=$?
    ((status != 0)) && [[ $(wc -l <"$dir/log") -eq 1 ]] && grep -q -- "$2" "$dir/log" && kill -0 "$pid"
    result $? "$1: $(cut -c1-110 "$dir/log")"
    kill -KILL "$target" "$pid" 2>/dev/null
}

mkfifo "$dir/in"
exec 9<>"$dir/in" # nobody ever writes

# shellcheck disable=SC2016 # the inner bash expands
test_counting bash bash -c 'for ((i = 1; i <= 60; i++)); do echo $i; for ((j = 0; j < 20000; j++)); do :; done; done'
if command -v python3 >/dev/null; then
    test_counting python3 python3 -uc 'import time
for i in range(1, 61): print(i); time.sleep(0.02)'
fi
begin "$dir/out" sh -c 'echo begun; exec sleep 300'
await grep -qx sleep "/proc/$pid/comm"
save -p "$pid" && save -p "$pid"
result $? "sleep is saved, twice"
kill -KILL "$pid"
# shellcheck disable=SC2016 # the inner bash expands
begin "$dir/out" bash -c 'echo begun; (for i in {1..60}; do echo $i; sleep 0.05; done | cat | sort -n >"$0"); echo end' "$dir/sorted"
save --kill "$pid"
result $? "a tree is saved whose processes come and go"
wait "$pid" 2>/dev/null
(
    close_descriptors
    exec timeout 60 "$bin/cr_restart" "$dir/image" </dev/null >>"$dir/log" 2>&1
) && diff <(seq 60) "$dir/sorted" >>"$dir/log" && [[ $(tail -n 1 "$dir/out") == end ]]
result $? "and goes on after a restart"
test_load "$rounds"
test_load 3 block
test_refused catch 'handler of its own for signal 61'
test_refused ignore 'ignores SIGTRAP'
test_refused sigwait 'sigwait'
test_refused seccomp 'seccomp'
test_refused traced 'traced by process'
test_refused stopped 'is stopped'
odd=$static
test_refused plain 'statically linked'
echo "1..$number"
((failures == 0))
