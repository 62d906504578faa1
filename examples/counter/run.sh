#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# A process that counts into a file is checkpointed, killed and restarted; every number is there exactly once.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=../lib.sh
source "$here/../lib.sh"
last=200

has_lines() {
    [[ $(wc -l <"$work/numbers") -ge $1 ]]
}

step "build and start under cr_run"
cc -O2 -o "$work/counter" "$here/counter.c"
cr_run "$work/counter" "$work/numbers" "$last" 10 &
pid=$!
watch "$pid"
touch "$work/numbers"
wait_for 20 has_lines 50

step "cr_checkpoint --kill"
cr_checkpoint --kill -f "$work/counter.cr" "$pid"
reap "$pid"
echo "killed at $(tail -n 1 "$work/numbers")"

step "cr_restart"
cr_restart "$work/counter.cr"
cmp <(seq "$last") "$work/numbers" || fail "counter: DIFFERENT"
echo "counter: identical"
