#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# cr_restart: where images come from, how it stands in for the process, hooks, and every exit status with its words. Prints
# TAP. usage: restart.sh BIN VICTIM
# shellcheck disable=SC2317 # called by ok()
set -uo pipefail
# shellcheck source=native/tests/scenarios/commands/support.sh
source "$(dirname "$0")/support.sh"

checkpoint() { "$bin/cr_checkpoint" --nosync "$@"; }
saved_victim() { # saved_victim FILE KIND...: runs it, saves it, and ends it
    run_victim "${@:2}"
    checkpoint --kill -f "$1" "$pid"
    wait "$pid" 2>/dev/null
}
# start_restart OPTION...: in the background, until the program runs on; sets $restart
start_restart() {
    local before
    before=$(wc -l <out)
    (without_descriptors "$bin/cr_restart" "$@") </dev/null >out2 2>err &
    restart=$!
    await_lines "$before"
}
ends() { # ends STATUS: cr_restart does
    local got
    wait "$restart" 2>/dev/null
    got=$?
    [[ $got -eq $1 ]] || echo "ended with $got instead of $1" >>err
    [[ $got -eq $1 ]]
}

# ---- usage
ok "--help" status 0 "$bin/cr_restart" --help
ok "-?" status 0 "$bin/cr_restart" '-?'
ok "-v is the version" status 0 "$bin/cr_restart" -v
ok "with its name" grep -q '^cr_restart: version ' words
ok "--version" status 0 "$bin/cr_restart" --version
ok "no image is bad usage" status 255 "$bin/cr_restart"
ok "two arguments are bad usage" status 255 "$bin/cr_restart" one two
ok "an unknown option is bad usage" status 255 "$bin/cr_restart" --bogus one
ok "-f and -F are 22" status 22 "$bin/cr_restart" -f one -F 0
ok "signal 99 is 22" status 22 "$bin/cr_restart" -S 99 one
ok "--files with a wrong word is 22" status 22 "$bin/cr_restart" --files=new one
ok "and names the right ones" says "reference, contents, check"
for bad_relocation in /a a=b /a=b a=/b /a=/b=/c; do
    ok "--relocate $bad_relocation is 22" status 22 "$bin/cr_restart" --relocate "$bad_relocation" one
done
ok "a missing image is 2" status 2 "$bin/cr_restart" missing
ok "by name" says missing
ok "-q says nothing of that" silent "$bin/cr_restart" -q missing
ok "a directory is 21" status 21 "$bin/cr_restart" "$dir"
ok "a file that is no image is 22" status 22 "$bin/cr_restart" /etc/passwd
ok "and says so" says "not a Quiesce image"
mkdir empty
ok "-d without an image is 2" status 2 "$bin/cr_restart" -d empty
ok "-d that is not there is 2" status 2 "$bin/cr_restart" -d none
ok "-F that is not open is 9" status 9 "$bin/cr_restart" -F 77

# ---- hooks of failures
hook() { # hook STATUS NAME ARGUMENT...: cr_restart ends with STATUS, and only the hook NAME was run
    local wanted=$1 name=$2 all=() one
    shift 2
    rm -f ran-*
    for one in success fail-args fail-temp fail-env fail-perm; do
        all+=("--run-on-$one=touch ran-$one")
    done
    status "$wanted" "$bin/cr_restart" "${all[@]}" "$@" && [[ $(echo ran-*) == "ran-$name" ]]
}
ok "bad usage runs the hook of bad arguments" hook 255 fail-args --bogus
ok "a bad value too" hook 22 fail-args -S 99 x
ok "a missing image too" hook 2 fail-args missing
ok "a damaged image runs the hook of other failures" hook 22 fail-perm /etc/passwd
ok "a hook's status takes the place of ours" status 77 "$bin/cr_restart" --run-on-failure='exit 77' missing
ok "and our message goes" test ! -s err
ok "a hook that succeeds does not" status 2 "$bin/cr_restart" --run-on-failure=true missing
ok "nor the message" says missing

# ---- images
saved_victim image count
ok "a saved process is gone" not kill -0 "$pid"
old=$pid
cp image damaged && chmod 600 damaged
printf 'X' | dd of=damaged bs=1 seek=$(($(stat -c %s image) - 3000)) conv=notrunc 2>/dev/null
head -c 20000 image >short
ok "a damaged image is 22" status 22 "$bin/cr_restart" damaged
ok "and says so" says damaged
ok "a short image is 22" status 22 "$bin/cr_restart" short
ok "--check" status 0 "$bin/cr_restart" --check image
ok "last argument" restarts image
ok "-f" restarts '' -f image
mkfifo fifo
cat image >fifo &
ok "a FIFO" restarts fifo
from_standard_input() {
    local before job
    before=$(wc -l <out)
    (without_descriptors "$bin/cr_restart" -F 0) <"$1" >out2 2>err &
    job=$!
    await_lines "$before"
    kill -USR1 "$job"
    wait "$job"
    [[ $? -eq 42 ]]
}
ok "-F" from_standard_input image
cat image >fifo &
ok "-F from a pipe" from_standard_input fifo
run_victim count
checkpoint --kill -d folder "$pid"
wait "$pid" 2>/dev/null
ok "-d" restarts '' -d folder
saved_victim image count
old=$pid

# ---- of another host
other_host() { # other_host HOW: the image as a host would have written it that differs in HOW
    cp image other-host && chmod 600 other-host
    "$(dirname "$victim")/alter_image" other-host "$1" 2>err
}
while read -r how words_of_it; do
    ok "an image of another host ($how)" other_host "$how"
    ok "is whole" status 0 "$bin/cr_info" --verify other-host
    ok "and 55" status 55 "$bin/cr_restart" other-host
    ok "which says why and what to do" says "$words_of_it"
    ok "and is another failure" hook 55 fail-perm other-host
done <<END
cpu this CPU has no [a-z].* on a CPU that is as new
xcr0 this CPU has no .*xsave.* on a CPU that is as new
kernel is of kernel .*vdso may differ; restart where the same kernel runs
pages pages of 8192 bytes.* on a host whose pages are as large
vdso parts of a vdso.* where the same kernel runs
END
ok "--check says so too" status 55 "$bin/cr_restart" --check other-host
ok "the image as it was restarts" restarts image

# ---- it stands in
start_restart image
child=$(cat "/proc/$restart/task/$restart/children")
ok "it is the parent of the process" test -n "$child"
ok "in its own group" test "$(ps -o pgid= -p "$restart" | tr -d ' ')" = "$(ps -o pgid= -p "${child// /}" | tr -d ' ')"
kill -STOP "${child// /}"
kill -USR1 "$restart"
kill -CONT "${child// /}"
ok "a signal is passed on, and the status handed back" ends 42
for number in 1 2 3 6 11 13 15 34; do
    start_restart image
    kill -"$number" "$restart"
    ok "signal $number is passed on, and ends both" ends $((128 + number))
done
ok "without a core of its own" test ! -e core -a ! -e "core.$restart"
start_restart image
kill -KILL "$(cat "/proc/$restart/task/$restart/children")"
ok "the end by SIGKILL is handed back" ends 137
ok "the same image again" restarts image

# ---- signals before it runs
(without_descriptors "$bin/cr_restart" --stop image) </dev/null >out2 2>err &
restart=$!
stopped() {
    local i child
    for ((i = 0; i < 500; i++)); do
        child=$(cat "/proc/$restart/task/$restart/children" 2>/dev/null)
        ! grep -q "^State:.T" "/proc/${child// /}/status" 2>/dev/null || return 0
        sleep 0.02
    done
    return 1
}
ok "--stop" stopped
lines=$(wc -l <out)
sleep 0.1
ok "runs nothing" test "$(wc -l <out)" -eq "$lines"
kill -CONT "$(cat "/proc/$restart/task/$restart/children")"
ok "until it is continued" await_lines "$lines"
kill -USR1 "$restart"
ok "then it runs" ends 42
for number in 15 6 9; do
    ok "-S $number" status $((128 + number)) "$bin/cr_restart" -S "$number" image
done
ok "--term" status 143 "$bin/cr_restart" --term image
ok "--kill" status 137 "$bin/cr_restart" --kill image
ok "--cont" restarts image --cont

# ---- hooks of success
rm -f ran-*
ok "--run-on-success" restarts image --run-on-success='touch ran-success' --run-on-failure='touch ran-failure'
ok "was run, and no other" test "$(echo ran-*)" = ran-success
before=$(wc -l <out)
ok "its status ends cr_restart" status 9 "$bin/cr_restart" --run-on-success='exit 9' image
ok "while the process runs on" await_lines "$before"
# Nobody waits for that one any more: it is found by what it is.
for process in /proc/[0-9]*; do
    if [[ $process/exe -ef $victim && $process/cwd -ef $dir ]]; then
        kill -KILL "${process#/proc/}"
        await_gone "${process#/proc/}"
    fi
done

# ---- ids
if [[ $(id -u) -eq 0 ]]; then
    occupy() { # a process that has the old id
        python3 - "$old" <<'PYTHON' >occupant &
import ctypes, os, signal, struct, sys, time
tid = ctypes.c_int(int(sys.argv[1]))
arguments = struct.pack("11Q", 0, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, ctypes.addressof(tid), 1, 0)
child = ctypes.CDLL(None, use_errno=True).syscall(435, arguments, len(arguments))  # clone3
if child == 0:
    time.sleep(60)
    os._exit(0)
print(child, flush=True)
os.waitpid(child, 0)
PYTHON
        await occupant .
        [[ $(cat occupant) -eq $old ]]
    }
    run_victim count
    checkpoint -f running "$pid"
    ok "the process itself still has its id" status 16 "$bin/cr_restart" running
    ok "by its command" says "victim"
    end_victim
    await_gone "$old"
    if occupy; then
        ok "an id in use is 16" status 16 "$bin/cr_restart" --restore-pid image
        ok "and says who has it" says "python3"
        ok "and runs the hook of failures that may pass" hook 16 fail-temp --restore-pid image
        ok "the default is the same" status 16 "$bin/cr_restart" image
        ok "--no-restore-pid" restarts image --no-restore-pid
        ok "--no-restore-pid shows the old id inside" test "$(tail -n 1 out | awk '{print $2}')" -eq "$old"
        kill -KILL "$old"
        await_gone "$old"
    else
        ok "an id in use # SKIP it could not be taken" true
    fi
    ok "--restore-pid" restarts image --restore-pid
fi
# ---- failures of the surroundings
cp "$victim" program
run_other() {
    rm -f out
    (without_descriptors "$bin/cr_run" "$@") </dev/null >out 2>victim.err &
    pid=$!
    await out ready
}
run_other ./program count
checkpoint --kill -f other "$pid"
wait "$pid" 2>/dev/null
mv program hidden
ok "a missing program is 2" status 2 "$bin/cr_restart" other
ok "and is one of the surroundings" hook 2 fail-env other
cp /bin/true program
ok "a changed program is 116" status 116 "$bin/cr_restart" other
ok "by name" says "program"
ok "and is another failure" hook 116 fail-perm other
mv hidden program
mv out hidden
ok "a missing open file is 2" status 2 "$bin/cr_restart" other
ok "by name" says "/out"
mv hidden out
chmod 600 out
ok "and all is well again" restarts other
saved_victim failing fail-restart
ok "a callback that fails is 58" status 58 "$bin/cr_restart" failing
ok "and says so" says "callback"
if [[ $(id -u) -eq 0 ]] && command -v setpriv >/dev/null; then
    chmod 711 "$dir"
    cp image theirs
    ok "an image that must not be read is 13" status 13 setpriv --reuid 65534 --regid 65534 --clear-groups "$bin/cr_restart" theirs
    chmod 644 theirs out
    chmod 666 out victim.err
    ok "--restore-pid without the right is 1" status 1 setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set -all "$bin/cr_restart" --restore-pid theirs
    ok "and says what to do" says "no-restore-pid\|restart as that user"
fi
for policy in check contents; do
    run_victim count
    ok "--files=$policy at the checkpoint" checkpoint --files=$policy --kill -f "$policy" "$pid"
    wait "$pid" 2>/dev/null
    cp out "out.$policy"
done
ok "--files=contents puts the contents back" restarts contents
cp out.check out
ok "--files=check lets a file pass that is the same" restarts check --files=check
sed -i 's/^0/5/' out
ok "and none that is not" status 116 "$bin/cr_restart" check
ok "--files=reference takes it as it is" restarts check --files=reference
ok "--files=contents without contents is 22" status 22 "$bin/cr_restart" --files=contents check
ok "and says so" says "only its digest"
ok "--tcp=error without a connection" restarts image --tcp=error
ok "--no-restore-pgid --no-restore-sid" restarts image --no-restore-pgid --no-restore-sid
ok "no memory is 12" status 12 prlimit --as=60000000 "$bin/cr_restart" image
ok "and says so" says "memory"
listen='import socket, sys, time
s = socket.socket(); s.bind(("127.0.0.1", int(sys.argv[1]))); s.listen()
print("ready", s.getsockname()[1], flush=True); time.sleep(600)'
rm -f out
(without_descriptors "$bin/cr_run" /usr/bin/python3 -c "$listen" 0) </dev/null >out &
pid=$!
await out ready
port=$(awk '/ready/ { print $2 }' out)
ok "a program that listens" status 0 "$bin/cr_checkpoint" --kill -f listening "$pid"
wait "$pid" 2>/dev/null
(without_descriptors /usr/bin/python3 -c "$listen" "$port") </dev/null >occupant &
pid=$!
await occupant ready
ok "whose port is in use is 98" status 98 "$bin/cr_restart" listening
ok "and says which" says "127.0.0.1:$port"
kill -KILL "$pid"
wait "$pid" 2>/dev/null
finish_test
