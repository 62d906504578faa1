#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# A restart on a host that is not the old one: another name, another uptime, other places of files, other ids in use. It works,
# or says what is missing. Prints TAP. usage: host.sh BIN VICTIM
# shellcheck disable=SC2317 # called by ok()
set -uo pipefail
# shellcheck source=native/tests/scenarios/commands/support.sh
source "$(dirname "$0")/support.sh"

checkpoint() { "$bin/cr_checkpoint" --nosync "$@"; }
saved() { # saved FILE COMMAND...: runs it under cr_run until it counts, saves it, and ends it
    rm -f out
    (without_descriptors "$bin/cr_run" "${@:2}") </dev/null >out 2>victim.err &
    pid=$!
    await out ready
    checkpoint --kill -f "$1" "$pid" </dev/null
    wait "$pid" 2>/dev/null
}
# elsewhere UNSHARE-OPTIONS -- RESTART-OPTIONS: the victim comes back there, goes on, and ends with 42
elsewhere() {
    local options=() before job
    while [[ $1 != -- ]]; do
        options+=("$1")
        shift
    done
    shift
    before=$(wc -l <out)
    (without_descriptors unshare "${options[@]}" "$bin/cr_restart" "$@") </dev/null >out2 2>err &
    job=$!
    await_lines "$before"
    kill -USR1 "$job" 2>/dev/null
    wait "$job"
    [[ $? -eq 42 ]]
}

saved image "$victim" count
if unshare -r -u true 2>/dev/null; then
    namespaces=1
else
    namespaces=
    echo "# no user namespaces here"
fi

# ---- another name
if [[ -n $namespaces ]]; then
    other_name() {
        local before job
        before=$(wc -l <out)
        # shellcheck disable=SC2016
        (without_descriptors unshare -r -u sh -c 'echo elsewhere >/proc/sys/kernel/hostname; exec "$@"' - "$bin/cr_restart" image) </dev/null >out2 2>err &
        job=$!
        await_lines "$before"
        kill -USR1 "$job" 2>/dev/null
        wait "$job"
        [[ $? -eq 42 ]]
    }
    ok "under another host name" other_name
fi

# ---- another uptime
for offset in -$(($(cut -d. -f1 /proc/uptime) / 2)) 1000000; do
    if unshare -r -T --monotonic "$offset" --boottime "$offset" true 2>/dev/null; then
        ok "with an uptime of $offset s more" elsewhere -r -T --monotonic "$offset" --boottime "$offset" -- image
    elif unshare -T --monotonic "$offset" --boottime "$offset" true 2>/dev/null; then
        ok "with an uptime of $offset s more" elsewhere -T --monotonic "$offset" --boottime "$offset" -- image
    else
        ok "with an uptime of $offset s more # SKIP no time namespaces here" true
    fi
done

# ---- other places
mkdir -p old/work new
cp "$victim" old/program
(cd old/work && saved ../image "$dir/old/program" count)
cp old/work/out out
ok "the image is there" test -e old/image
mv old/* new/
rmdir old
ok "a program that has moved is 2" status 2 "$bin/cr_restart" new/image
ok "by name" says "old/"
moved() {
    local before job
    before=$(wc -l <new/work/out)
    (without_descriptors "$bin/cr_restart" "$@") </dev/null >out2 2>err &
    job=$!
    for ((i = 0; i < 500; i++)); do
        [[ $(wc -l <new/work/out) -le $before ]] || break
        sleep 0.02
    done
    moved_to=$(readlink "/proc/$(tr -d ' ' <"/proc/$job/task/$job/children")/cwd")
    kill -USR1 "$job" 2>/dev/null
    wait "$job"
    [[ $? -eq 42 ]]
}
ok "--relocate that does not fit is 2" status 2 "$bin/cr_restart" --relocate "$dir/ol=$dir/new" new/image
ok "--relocate: program, working directory and open files" moved --relocate "$dir/old=$dir/new" new/image
ok "the working directory is the new one" test "$moved_to" = "$dir/new/work"
mkdir 'a=b\c'
mv new/* 'a=b\c/'
ln -s "$dir/a=b\\c/work" new/work
ok "--relocate with escapes" moved --relocate /nowhere=/x --relocate "$dir/old=$dir/a\\=b\\\\c" 'a=b\c/image'

# ---- other ids
saved fresh "$victim" count
ok "in a pid namespace of its own" elsewhere -r -- --pidns fresh
finish_test
