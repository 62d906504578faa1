#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# The commands with several processes: scopes, the file of a tree, directories, the tree that cr_checkpoint runs in, stand-ins
# as targets, traced processes, and what applications answer. Prints TAP. usage: tree.sh BIN VICTIM
# shellcheck disable=SC2317 # called by ok()
set -uo pipefail
# shellcheck source=native/tests/scenarios/commands/support.sh
source "$(dirname "$0")/support.sh"

checkpoint() { "$bin/cr_checkpoint" --nosync "$@"; }
child_pid() { awk '/^child/ {print $2; exit}' out; }
run_family() { # in a session of its own
    rm -f out
    (without_descriptors setsid "$bin/cr_run" "$victim" family) </dev/null >out 2>victim.err &
    pid=$!
    await out ready
    child=$(child_pid)
}
end_with_children() {
    # shellcheck disable=SC2046 # they are words
    kill -KILL $(cat "/proc/$pid"/task/*/children)
    end_victim
}
has_two() { "$bin/cr_info" --json "$1" >info.json && is_json info.json "len(o['processes']) == 2 and len(o['images']) == 2"; }

# ---- scopes
run_family
ok "a tree is the default" checkpoint "$pid"
ok "in one file" has_two "context.$pid"
ok "with mode 0400" test "$(stat -c %a "context.$pid")" = 400
ok "that tar lists" status 0 tar tf "context.$pid"
ok "with an image for each" grep -qx "$child.cr" words
ok "and a manifest" grep -qx manifest.pb words
ok "-g" checkpoint -g -f group "$pid"
ok "takes both" has_two group
ok "-s" checkpoint -s -f session "$pid"
ok "takes both" has_two session
ok "-p of the child" checkpoint -p -f child "$child"
ok "is one image" status 0 "$bin/cr_info" --json child
ok "of the child" is_json words "o['pid'] == $child"
ok "no such group is 3" status 3 "$bin/cr_checkpoint" -g 999999999
ok "no such session is 3" status 3 "$bin/cr_checkpoint" -s 999999999
ok "--json of a tree" status 0 "$bin/cr_checkpoint" --nosync --json -f tree "$pid"
ok "counts the processes" is_json words "o['processes'] == 2 and o['scope'] == 'tree'"
ok "-v of a tree" status 0 "$bin/cr_checkpoint" --nosync -v -f tree "$pid"
ok "counts them too" says "2 processes"
ok "--dry-run" status 0 "$bin/cr_checkpoint" --dry-run -f never "$pid"
ok "writes nothing" test ! -e never
ok "it runs on" runs_on
ok "--dry-run --json" status 0 "$bin/cr_checkpoint" --dry-run --json -g -f never "$pid"
ok "is JSON" is_json words "o['refused'] == []"

# ---- what the file holds
ok "cr_info shows the tree" status 0 "$bin/cr_info" tree
ok "the child below its parent" grep -qE "^  $child +$pid " words
ok "--verify" status 0 "$bin/cr_info" --verify tree
ok "--json" status 0 "$bin/cr_info" --json --maps tree
ok "is JSON" is_json words "o['images'][0]['pid'] and o['processes'][1]['parent'] == $pid"
ok "--unpack" status 0 "$bin/cr_info" --unpack parts tree
ok "gives an image for each" status 0 "$bin/cr_info" --verify "parts/$pid.cr" "parts/$child.cr"
cp tree damaged && chmod 600 damaged
printf 'X' | dd of=damaged bs=1 seek=$(($(stat -c %s tree) / 2)) conv=notrunc 2>/dev/null
ok "damage is found" status 7 "$bin/cr_info" --verify damaged
head -c $(($(stat -c %s tree) - 3000)) tree >short
ok "a short file is 7" status 7 "$bin/cr_info" short
ok "a damaged tree is not restarted" not status 0 timeout 20 "$bin/cr_restart" damaged
ok "nor a short one" status 22 timeout 20 "$bin/cr_restart" short

# ---- and back
ok "-d" checkpoint --kill -d folder "$pid"
wait "$pid" 2>/dev/null
for ((i = 0; i < 500; i++)); do # the dead child keeps the number of its group until init takes its status
    kill -0 -- "-$pid" 2>/dev/null || break
    sleep 0.02
done
ok "has an image for each" test -s "folder/context.$pid" -a -s "folder/context.$child"
ok "and a manifest" test -s folder/manifest.pb
ok "and nothing else" test "$(find folder -type f | wc -l)" -eq 3
ok "cr_info reads it" status 0 "$bin/cr_info" --verify folder
ok "cr_restart -d" restarts '' -d folder
ok "the file restarts as well" restarts tree

# ---- a stand-in as target
(without_descriptors "$bin/cr_restart" tree) </dev/null >out2 2>err &
standin=$!
await_lines "$(wc -l <out)"
ok "cr_restart as target" checkpoint -f again "$standin"
ok "means its tree" has_two again
ok "cr_restart as target, again" checkpoint --kill -f again "$standin"
wait "$standin" 2>/dev/null
ok "what it stood for restarts" restarts again
(without_descriptors "$bin/cr_restart" --omit-always again) </dev/null >out2 2>err &
standin=$!
await_lines "$(wc -l <out)"
ok "as target" checkpoint --kill -f again "$standin"
wait "$standin" 2>/dev/null
ok "is left out" has_two again
(without_descriptors "$bin/cr_restart" --pidns again) </dev/null >out2 2>err &
standin=$!
await_lines "$(wc -l <out)"
if kill -0 "$standin" 2>/dev/null; then
    ok "a stand-in with a pid namespace" checkpoint --kill -f again "$standin"
    wait "$standin" 2>/dev/null
    ok "means its tree" has_two again
fi

(without_descriptors "$bin/cr_restart" --omit-never again) </dev/null >out2 2>err &
standin=$!
await_lines "$(wc -l <out)"
ok "--omit-never" checkpoint --kill -f three "$standin"
wait "$standin" 2>/dev/null
ok "makes cr_restart a part of it" status 0 "$bin/cr_info" --json three
ok "as the eldest" is_json words "len(o['processes']) == 3 and o['processes'][0]['command'].startswith('cr_restart')"
ok "all three come back" restarts three

# ---- the tree that cr_checkpoint runs in
cat >own.sh <<'SCRIPT'
"$1" --nosync -f own.image $$ </dev/null
echo "after $?" >>own.out
SCRIPT
: >own.out
ok "a script saves itself" status 0 "$bin/cr_run" bash own.sh "$bin/cr_checkpoint"
ok "and goes on" grep -qx "after 0" own.out
ok "it restarts" status 0 timeout 30 "$bin/cr_restart" own.image
ok "and goes on once more" test "$(grep -cx "after 0" own.out)" -eq 2

# ---- tracing
run_victim tracer
await out "^child"
traced=$(child_pid)
ok "a traced process is 56" status 56 "$bin/cr_checkpoint" -p -f traced "$traced"
ok "and says so" says traced
ok "a tracer is 57" status 57 "$bin/cr_checkpoint" -p -f traced "$pid"
ok "and says so" says trac
ok "--ptraced-skip of the only one is 3" status 3 "$bin/cr_checkpoint" -p --ptraced-skip -f traced "$traced"
ok "--ptraced-allow" status 0 "$bin/cr_checkpoint" --nosync -p --ptraced-allow -f traced "$traced"
ok "--ptracer-skip of the only one is 3" status 3 "$bin/cr_checkpoint" -p --ptracer-skip -f tracer "$pid"
ok "--ptraced-allow of both still refuses the tracer" status 57 "$bin/cr_checkpoint" --ptraced-allow -f tracer "$pid"
ok "--ptraced-allow --ptracer-skip" status 0 "$bin/cr_checkpoint" --nosync --ptraced-allow --ptracer-skip -f below "$pid"
ok "saves the traced one" status 0 "$bin/cr_info" --json below
ok "alone" is_json words "[p['pid'] for p in o['processes']] == [$traced]"
kill -KILL "$traced"
end_victim
await_gone "$traced"
ok "a process that was traced restarts without its tracer" restarts traced

# ---- what the application answers
run_victim answer 1
ok "a temporary failure is 50" status 50 "$bin/cr_checkpoint" -f no "$pid"
ok "and says to try again" says "later"
ok "it runs on" runs_on
end_victim
run_victim answer $((1 + (77 << 16)))
ok "its own code is the status" status 77 "$bin/cr_checkpoint" -f no "$pid"
end_victim
run_victim answer 4
ok "one that leaves is 3" status 3 "$bin/cr_checkpoint" -f no "$pid"
ok "it runs on" runs_on
end_victim
run_victim have-child
ok "a dry run of one that has a child meanwhile" status 0 "$bin/cr_checkpoint" --dry-run -f birth "$pid"
end_with_children
run_victim have-child
ok "one that has a child while it is saved" checkpoint -f birth "$pid"
ok "is saved with it" has_two birth
ok "and its callback hears of success in the end" test "$(grep callback out | tail -n 1)" = "callback 0"
ok "it runs on" runs_on
end_with_children
export CR_FAULT=callbacks:done=delay
run_victim have-child
unset CR_FAULT
ok "also where its callbacks take long to see the end" timeout 30 "$bin/cr_checkpoint" --nosync -f birth "$pid"
end_with_children
run_victim answer 2
ok "a permanent failure is 51" status 51 "$bin/cr_checkpoint" -f no "$pid"
wait "$pid" 2>/dev/null
ok "and ends it" test $? -eq 137
pid=
ok "nothing was written" test ! -e no

# ---- another request
run_victim memory 8
mkfifo fifo
exec 8<>fifo
"$bin/cr_checkpoint" --nosync -f fifo "$pid" </dev/null 2>/dev/null &
first=$!
until compgen -G '.fifo.*.tmp' >/dev/null; do sleep 0.01; done # written, and on its way into the FIFO
ok "a process in another request is 16" status 16 "$bin/cr_checkpoint" --nosync -f second "$pid"
ok "and says so" says "another checkpoint"
kill -INT "$first"
wait "$first"
ok "an interrupt ends the writing to a FIFO" test $? -eq 50
exec 8>&-
ok "then it can be saved" checkpoint -f second "$pid"
ok "--exclude" status 0 "$bin/cr_checkpoint" --nosync --exclude 'size>4M' -f second "$pid"
ok "leaves out the memory" status 0 "$bin/cr_info" --json second
ok "and cr_info tells how much" is_json words "o['leftOut']['request'] >= 8 << 20"
ok "an --exclude that is none fails" not status 0 "$bin/cr_checkpoint" --exclude 'size>much' -f third "$pid"
ok "with its grammar" says "size>"
end_victim

# ---- a checkpoint that begins while the processes are being brought back
processes() { "$bin/cr_info" "$1" 2>/dev/null | grep -c ' running '; } # how many are in the file
in_restart() {
    local restarter
    (without_descriptors "$bin/cr_restart" --no-restore-pid family) </dev/null >out2 2>err &
    restarter=$!
    until [[ -n $(cat "/proc/$restarter/task/$restarter/children" 2>/dev/null) ]]; do
        kill -0 "$restarter" 2>/dev/null || return 1
    done
    checkpoint --kill -f again "$restarter" || return 1
    await_gone "$restarter" || return 1
    [[ $(processes again) -eq $(processes family) ]]
}
(without_descriptors "$bin/cr_run" sh -c 'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do sleep 1000 & done; echo ready; wait') </dev/null >out 2>victim.err &
pid=$!
await out ready
ok "a family is saved" checkpoint --kill -f family "$pid"
wait "$pid" 2>/dev/null
pid=
ok "twenty and their parent" test "$(processes family)" -eq 21
ok "a checkpoint during its restart has all of them" in_restart
finish_test
