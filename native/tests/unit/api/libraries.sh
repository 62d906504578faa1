#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# libcr.so, libcr_run.so and libcr_omit.so alone and together. usage: libraries.sh STAGE LINKED PLAIN
# LINKED and PLAIN are the same program, with and without -lcr.
# shellcheck disable=SC2317 # called by ok()
set -uo pipefail

# shellcheck source=SCRIPTDIR/../../support/descriptors.sh
source "$(dirname "$0")/../../support/descriptors.sh"

stage=$1
linked=$2
plain=$3
dir=$(mktemp -d "${TMPDIR:-/tmp}/quiesce-libraries.XXXXXX")
count=0
bad=0
pid=
cd "$dir" || exit 1

# shellcheck disable=SC2317 # called by the trap
finish() {
    [[ -z $pid ]] || kill -KILL "$pid" 2>/dev/null
    rm -rf "$dir"
}
trap finish EXIT

ok() { # TEXT COMMAND...
    local text=$1
    shift
    count=$((count + 1))
    if "$@"; then
        echo "ok $count - $text"
    else
        echo "not ok $count - $text"
        sed 's/^/# /' out err 2>/dev/null
        bad=1
    fi
}

start() {
    rm -f out err
    (without_descriptors "$@") </dev/null >out 2>err &
    pid=$!
}

said() {
    local i
    for ((i = 0; i < 500; i++)); do
        ! grep -qx "$1" out 2>/dev/null || return 0
        sleep 0.02
    done
    return 1
}

ends_with() {
    wait "$pid"
    local status=$?
    pid=
    [[ $status -eq $1 ]] || { echo "# status $status"; return 1; }
}

status_of() { # STATUS COMMAND...
    local wanted=$1
    shift
    (without_descriptors timeout 60 "$@") </dev/null >out2 2>err2
    local status=$?
    [[ $status -eq $wanted ]] || { echo "# status $status"; sed 's/^/# /' err2; return 1; }
}

save() { status_of 0 "$stage/bin/cr_checkpoint" --pid --nosync -f image "$pid"; }

start "$stage/bin/cr_run" "$plain" dlsym
ok "libcr_run.so gives a program no cr_init()" said 'cr_init not there'
ends_with 0

start "$linked" callback
ok "a program linked with -lcr has an agent" said 'agents 1'
ok "its callback runs" save
ok "once" ends_with 0

start "$stage/bin/cr_run" "$linked" callback
ok "under cr_run it has one agent as well" said 'agents 1'
ok "which knows its callbacks" save
ok "once" ends_with 0

start "$stage/bin/cr_run" "$plain" dlopen "$stage/lib/libcr.so.0"
ok "a program that opens libcr.so under cr_run has one agent" said 'agents 1'
ok "which knows its callbacks, too" save
ok "once" ends_with 0

start env LD_PRELOAD="$stage/lib/libcr.so.0" "$plain" callback
ok "libcr.so itself may be preloaded" said 'agents 1'
ok "its callback runs" save
ok "once" ends_with 0

start "$stage/bin/cr_run" --omit "$linked" callback
ok "under cr_run --omit the functions are there" said 'agents 1'
ok "but the process leaves every checkpoint: ESRCH" status_of 3 "$stage/bin/cr_checkpoint" --pid -f image2 "$pid"
ok "and no file is left" test ! -e image2
kill -KILL "$pid"
wait "$pid" 2>/dev/null
pid=

start "$linked" fails
said 'agents 1'
ok "a callback that fails only in the restarted process" save
wait "$pid"
pid=
ok "ends the restart with CR_ERSTRTABRT" status_of 58 "$stage/bin/cr_restart" image
ok "and words" grep -q 'callback' err2

start "$linked" exits
said 'agents 1'
ok "a callback that exits in the restarted process" save
wait "$pid"
pid=
ok "ends the restart as well" status_of 58 "$stage/bin/cr_restart" image
echo "1..$count"
exit "$bad"
