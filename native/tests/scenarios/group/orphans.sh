#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# Processes of a session or group that have lost their parents: children of init, of another process outside, and of a member
# that takes orphans. Prints TAP. usage: orphans.sh BIN ORPHANS root|user
# shellcheck disable=SC2317 # called by ok()
set -uo pipefail

# shellcheck source=native/tests/scenarios/commands/support.sh
source "$(dirname "${BASH_SOURCE[0]}")/../commands/support.sh"
orphans=$2
who=$3
as=()
if [[ $who == user && $(id -u) -eq 0 ]]; then
    command -v setpriv >/dev/null || { echo "1..0 # SKIP needs setpriv" && exit 77; }
    as=(setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all)
fi
[[ $who == user || $(id -u) -eq 0 ]] || { echo "1..0 # SKIP needs root" && exit 77; }
chmod 1777 "$dir"

# begin COMMAND...: in a session of its own; sets $leader and $orphan
begin() {
    rm -f out image
    : >out
    chmod 666 out
    (without_descriptors setsid "${as[@]}" "$@") </dev/null >>out 2>&1 &
    pid=$!
    await out ready
    orphan=$(awk '/^orphan/ { print $2 }' out)
    leader=$(ps -o sid= -p "$orphan" | tr -d ' ')
}

# save OPTION ID: with its end
save() {
    "${as[@]}" "$bin/cr_checkpoint" --nosync --kill "$1" -f image "$2" </dev/null >words 2>err || return 1
    wait "$pid" 2>/dev/null
    await_gone "$orphan"
    pid=
}

holds() { [[ $("$bin/cr_info" image | sed -n '/process  parent/,/^$/p' | grep -c '^  [0-9]') -eq $1 ]]; }

# Is process PID a cr_restart that passes SIGUSR1 on?
catches() {
    local name mask comm
    read -r comm <"/proc/$1/comm" && [[ $comm == cr_restart ]] || return 1
    while read -r name mask; do
        [[ $name != SigCgt: ]] || break
    done <"/proc/$1/status"
    ((16#${mask:-0} & 0x200))
}

# comes_back OPTION...: with the orphan, and both find each other where they were
comes_back() {
    local job i
    (without_descriptors "${as[@]}" "$bin/cr_restart" "$@" image) </dev/null >words 2>err &
    job=$!
    for ((i = 0; i < 3000; i++)); do # then all run
        ! catches "$job" 2>/dev/null || break
        kill -0 "$job" 2>/dev/null || break
        sleep 0.02
    done
    kill -USR1 "$job" 2>/dev/null
    wait "$job"
    [[ $? -eq 42 ]]
}

orphan=
leader=
for scope in -s -g; do
    begin "$bin/cr_run" "$orphans" init
    ok "$scope with an orphan" save "$scope" "$leader"
    ok "takes it" holds 2
    ok "it comes back" comes_back
    ok "with other ids" comes_back --no-restore-pid
    ok "in a pid namespace" comes_back --pidns
done
begin "$bin/cr_run" "$orphans" init
ok "a tree has no orphan" status 0 "${as[@]}" "$bin/cr_checkpoint" --nosync -f image "$leader"
ok "in it" not holds 2
kill -KILL "$orphan"
end_victim
begin "$bin/cr_run" "$orphans" subreaper
ok "a member that takes orphans" save -T "$leader"
ok "has them in its tree" holds 2
ok "they come back as its children" comes_back
ok "with other ids" comes_back --no-restore-pid
ok "in a pid namespace" comes_back --pidns
begin "$orphans" under setsid "$bin/cr_run" "$orphans" init
ok "orphans whom a process outside has taken" save -s "$leader"
ok "are saved" holds 2
ok "they come back" comes_back
ok "with other ids" comes_back --no-restore-pid
ok "in a pid namespace" comes_back --pidns
finish_test
