#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# Eight threads that depend on each other's every step are checkpointed, killed and restarted; their hash is as before.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=../lib.sh
source "$here/../lib.sh"

step "build, and run undisturbed"
cc -O2 -pthread -o "$work/threads" "$here/threads.c"
"$work/threads" 8 10000 >"$work/undisturbed"
cat "$work/undisturbed"

step "start under cr_run, cr_checkpoint --kill"
cr_run "$work/threads" 8 10000 >"$work/first" &
pid=$!
watch "$pid"
eight_threads() {
    [[ $(find "/proc/$pid/task" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l) -ge 10 ]]
}
wait_for 20 eight_threads
cr_checkpoint --kill -f "$work/threads.cr" "$pid"
reap "$pid"

step "cr_restart"
cr_restart "$work/threads.cr" >"$work/restarted"
cat "$work/first" "$work/restarted" >"$work/all"
cat "$work/all"
cmp "$work/undisturbed" "$work/all" || fail "threads: DIFFERENT"
echo "threads: identical"
