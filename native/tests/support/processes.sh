# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Starting and ending processes of a test that has the variables dir, pid and restart_pid ("": none).

# shellcheck source=SCRIPTDIR/descriptors.sh
source "$(dirname "${BASH_SOURCE[0]}")/descriptors.sh"

with_descendants() {
    local child
    echo "$1"
    for child in $(cat "/proc/$1/task"/*/children 2>/dev/null || true); do
        with_descendants "$child"
    done
}

# The process that was started and all below it, so that nothing of a failed test is left. Parents go first: no one shall see a
# child end, and tell of it.
kill_tree() {
    # shellcheck disable=SC2046 # they are words
    kill -KILL $(with_descendants "$1") 2>/dev/null || true
}

# shellcheck disable=SC2154,SC2317 # for a trap of the test, whose variables they are
finish() {
    [[ -z $restart_pid ]] || kill_tree "$restart_pid"
    [[ -z $pid ]] || kill_tree "$pid"
    rm -rf "$dir"
}
