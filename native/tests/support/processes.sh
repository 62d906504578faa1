# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Starting and ending processes of a test that has the variables dir, pid and restart_pid ("": none).

# The process that was started and all below it, so that nothing of a failed test is left.
kill_tree() {
    local child
    for child in $(cat "/proc/$1/task"/*/children 2>/dev/null || true); do
        kill_tree "$child"
    done
    kill -KILL "$1" 2>/dev/null || true
}

# shellcheck disable=SC2154,SC2317 # for a trap of the test, whose variables they are
finish() {
    [[ -z $restart_pid ]] || kill_tree "$restart_pid"
    [[ -z $pid ]] || kill_tree "$pid"
    rm -rf "$dir"
}

# Descriptors that the test driver left open are no part of what is tested.
without_descriptors() {
    local fd
    for fd in /proc/self/fd/*; do
        fd=${fd##*/}
        ((fd <= 2)) || eval "exec $fd>&-" 2>/dev/null || true
    done
    exec "$@"
}
