#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# cr_run, cr_checkpoint and cr_restart as a user calls them: statuses, messages, and what is left behind. Prints TAP.
# usage: commands.sh BIN VICTIM
# shellcheck disable=SC2317 # called by ok()
set -uo pipefail

# shellcheck source=native/tests/scenarios/commands/support.sh
source "$(dirname "$0")/support.sh"

# ---- usage
ok "cr_run shows its usage" status 0 "$bin/cr_run" --help
ok "an unknown option is bad usage" status 255 "$bin/cr_checkpoint" --bogus 1
ok "cr_restart without a file is bad usage" status 255 "$bin/cr_restart"
ok "a program that is not there is 127" status 127 "$bin/cr_run" ./no-such-program
ok "no such process is 3" status 3 "$bin/cr_checkpoint" 999999999
mkfifo forever
"$(dirname "$victim")/../attach/attach_static" <>forever >static &
static=$!
ok "a process that can have no agent is 52" status 52 "$bin/cr_checkpoint" "$static"
kill -KILL "$static"
ok "and the remedy is told" says "start it with cr_run"

# ---- one process
run_victim count
ok "a checkpoint" status 0 "$bin/cr_checkpoint" -v -f image "$pid"
ok "the process runs on" runs_on
ok "nothing but the image is left" test ! -e image.partial
ok "an image is for its owner only" test "$(stat -c %a image)" = 400
ok "--noclobber" status 17 "$bin/cr_checkpoint" --noclobber -f image "$pid"
ok "a directory is no file" status 21 "$bin/cr_checkpoint" -f "$dir" "$pid"
ok "--dry-run" status 0 "$bin/cr_checkpoint" --dry-run -v -f other "$pid"
ok "--dry-run writes nothing" test ! -e other
ok "-d makes a directory" status 0 "$bin/cr_checkpoint" -d new "$pid"
ok "with context.PID in it" test -s "new/context.$pid"
ok "--json" status 0 "$bin/cr_checkpoint" --json -f image "$pid"
ok "is JSON" python3 -c 'import json, sys; sys.exit(json.load(open("words"))["error"])'
if command -v gdb >/dev/null; then
    timeout 60 gdb -batch -nx -ex "thread apply all bt" "$victim" image >gdb.out 2>&1
    ok "gdb shows the main thread" grep -q "in main\|in count" gdb.out
    ok "gdb shows the other thread" grep -q "in tick" gdb.out
fi
ok "--kill" status 0 "$bin/cr_checkpoint" --kill -f image "$pid"
wait "$pid" 2>/dev/null
ok "ends the process" not kill -0 "$pid"
lines=$(wc -l <out)
ok "nothing ran after the image" test "$(awk 'END {print $1 + 2}' out)" -eq "$lines"

# ---- restart
ok "--check" status 0 "$bin/cr_restart" --check image
(without_descriptors "$bin/cr_restart" image) </dev/null >out2 2>err &
restart=$!
sleep 0.5
kill -USR1 "$restart"
wait "$restart"
ok "a signal is passed on and the status handed back" test $? -eq 42
ok "the output goes on where it was" test "$(awk '{print $1}' out | sed 1d | awk '$1 != NR - 1 {bad = 1} END {print bad + 0}')" -eq 0
ok "with the same process id" test "$(awk '{print $2}' out | sed 1d | sort -u | wc -l)" -eq 1
(without_descriptors "$bin/cr_restart" --no-restore-pid image) </dev/null >out2 2>err &
restart=$!
sleep 0.4
kill -USR1 "$restart"
wait "$restart"
ok "--no-restore-pid" test $? -eq 42
ok "the program still sees its old id" test "$(awk '{print $2}' out | sed 1d | sort -u | wc -l)" -eq 1
(without_descriptors "$bin/cr_restart" --pidns image) </dev/null >out2 2>err &
restart=$!
sleep 0.6
kill -USR1 "$restart"
wait "$restart"
namespace=$?
if grep -q "gives users no user namespaces\|cannot make a pid namespace" err; then
    ok "--pidns # SKIP no namespaces here" true
else
    ok "--pidns" test $namespace -eq 42
fi

# ---- images that are none
cp image damaged && chmod 600 damaged
printf 'X' | dd of=damaged bs=1 seek=$(($(stat -c %s image) - 3000)) conv=notrunc 2>/dev/null
head -c 20000 image >short
ok "a damaged image fails" not status 0 "$bin/cr_restart" damaged
ok "and says so" says damaged
ok "a short image is 22" status 22 "$bin/cr_restart" short
ok "a missing image is 2" status 2 "$bin/cr_restart" missing
ok "a file that is no image is 22" status 22 "$bin/cr_restart" /etc/passwd

# ---- processes that cannot stop
run_victim zombie-main
ok "a process without its main thread is refused" status 50 "$bin/cr_checkpoint" -f refused "$pid"
ok "by name" says "main thread has ended"
end_victim
run_victim vfork
ok "a parent in vfork is refused in time" status 50 timeout 20 "$bin/cr_checkpoint" -f refused "$pid"
ok "nothing was written" test ! -e refused
ok "and runs on" await out "^10 "
ok "and can be saved later" status 0 "$bin/cr_checkpoint" -f image "$pid"
end_victim

run_victim count
kill -STOP "$pid"
# Where ptrace is only for a process's own children, it is refused.
saved_or_refused() { status 0 "$bin/cr_checkpoint" -f stopped "$pid" || says "is stopped"; }
ok "a stopped process can be saved, or is refused" saved_or_refused
ok "it is still stopped" grep -q "^State:.T" "/proc/$pid/status"
ok "nothing else was written" test ! -e stopped.partial
kill -CONT "$pid"
ok "it runs on when it is continued" runs_on
ok "and can be saved then" status 0 "$bin/cr_checkpoint" -f image "$pid"
end_victim

# ---- failures on the way
for point in dump:after-threads=fail dump:before-copy=fail dump:after-copy=fail seal:before=fail dump:before-copy=enospc; do
    export CR_FAULT=$point
    run_victim count
    unset CR_FAULT
    ok "$point fails the checkpoint" not status 0 "$bin/cr_checkpoint" -f fault "$pid"
    ok "$point leaves nothing" test ! -e fault -a ! -e fault.partial
    ok "$point lets the process run on" runs_on
    end_victim
done
run_victim memory 300
(trap - INT; exec "$bin/cr_checkpoint" -f interrupted "$pid") </dev/null 2>err &
request=$!
sleep 0.05
begun=$SECONDS
kill -INT "$request"
wait "$request"
interrupted=$?
ok "an interrupt ends a checkpoint soon" test $((SECONDS - begun)) -le 3
if [[ $interrupted -eq 0 ]]; then
    ok "an interrupt # SKIP came too late" true
else
    ok "an interrupt leaves nothing" test ! -e interrupted -a ! -e interrupted.partial
fi
ok "after an interrupt a checkpoint succeeds" status 0 "$bin/cr_checkpoint" --nosync --kill -f image "$pid"
wait "$pid" 2>/dev/null
(without_descriptors "$bin/cr_restart" image) </dev/null >out2 2>err &
restart=$!
sleep 1
kill -USR1 "$restart"
wait "$restart"
ok "300 MiB come back" test $? -eq 42

# ---- from inside, and children
rm -f self
(without_descriptors "$bin/cr_run" "$victim" self "$dir/self") </dev/null >out 2>err
ok "a program checkpoints itself" grep -qx saved out
(without_descriptors "$bin/cr_restart" self) </dev/null >out2 2>err
ok "and learns that it was restarted" grep -qx restarted out
run_victim parent
child=$(awk '/^child/ {print $2}' out)
sleep 0.1
ok "a child of fork has an agent of its own" status 0 "$bin/cr_checkpoint" -f child.image "$child"
kill -USR1 "$child"
wait "$pid"
ok "and its parent sees it end" test $? -eq 42
pid=
finish_test
