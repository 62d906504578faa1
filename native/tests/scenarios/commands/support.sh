# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What the tests of the commands share; sourced with the arguments BIN VICTIM. Each runs in a directory of its own.

# shellcheck source=SCRIPTDIR/../../support/descriptors.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../support/descriptors.sh"
bin=$1
victim=$2
dir=$(mktemp -d "${TMPDIR:-/tmp}/quiesce-commands.XXXXXX")
count=0
bad=0
pid=
cd "$dir" || exit 1

# shellcheck disable=SC2317 # called by the trap
finish() {
    local job
    for job in $(jobs -p); do
        kill -KILL "$job" 2>/dev/null
    done
    [[ -z $pid ]] || kill -KILL "$pid" 2>/dev/null
    rm -rf "$dir"
}
trap finish EXIT

# ok TEXT COMMAND...: one test point
ok() {
    local text=$1
    shift
    count=$((count + 1))
    if "$@"; then
        echo "ok $count - $text"
    else
        echo "not ok $count - $text"
        bad=1
        tail -n 3 err words out 2>/dev/null | sed 's/^/# /'
    fi
}

# status N COMMAND...: COMMAND ends with N; its words go into err
status() {
    local wanted=$1 got
    shift
    "$@" </dev/null >words 2>err
    got=$?
    [[ $got -eq $wanted ]] || echo "status $got instead of $wanted" >>err
    [[ $got -eq $wanted ]]
}

says() { grep -q -- "$1" err words; }
not() { ! "$@"; }

await() { # await FILE TEXT
    local i
    for ((i = 0; i < 500; i++)); do
        ! grep -q -- "$2" "$1" 2>/dev/null || return 0
        sleep 0.02
    done
    return 1
}

run_victim() {
    rm -f out
    (without_descriptors "$bin/cr_run" "$victim" "$@") </dev/null >out 2>victim.err &
    pid=$!
    await out ready
}

end_victim() {
    kill -KILL "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
    pid=
}

runs_on() {
    local before
    before=$(wc -l <out)
    sleep 0.2
    [[ $(wc -l <out) -gt $before ]]
}


# await_gone PID
await_gone() {
    local i
    for ((i = 0; i < 500; i++)); do
        kill -0 "$1" 2>/dev/null || return 0
        sleep 0.02
    done
    return 1
}

# silent COMMAND...: nothing on either stream, whatever the status
silent() {
    "$@" </dev/null >words 2>err
    [[ ! -s words && ! -s err ]]
}

# is_json FILE [EXPRESSION]: FILE is JSON, and EXPRESSION of its object "o" holds
is_json() {
    python3 -c 'import json, sys; o = json.load(open(sys.argv[1])); sys.exit(0 if eval(sys.argv[2]) else 1)' "$1" "${2:-True}"
}

# restarts IMAGE [OPTION...]: the counting victim comes back, and its status is handed on
restarts() {
    local status job before
    before=$(wc -l <out)
    (without_descriptors "$bin/cr_restart" "${@:2}" ${1:+"$1"}) </dev/null >out2 2>err &
    job=$!
    await_lines "$before"
    kill -USR1 "$job" 2>/dev/null
    wait "$job"
    status=$?
    [[ $status -eq 42 ]] || echo "status $status instead of 42" >>err
    [[ $status -eq 42 ]]
}

# await_lines N: "out" has more than N lines
await_lines() {
    local i
    for ((i = 0; i < 500; i++)); do
        [[ $(wc -l <out) -le $1 ]] || return 0
        sleep 0.02
    done
    return 1
}

finish_test() {
    echo "1..$count"
    exit $bad
}
