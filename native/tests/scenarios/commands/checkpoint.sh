#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# cr_checkpoint: every option, where images go, what they replace, and every exit status with its words. Prints TAP.
# usage: checkpoint.sh BIN VICTIM
# shellcheck disable=SC2317 # called by ok()
set -uo pipefail
# shellcheck source=native/tests/scenarios/commands/support.sh
source "$(dirname "$0")/support.sh"

checkpoint() { "$bin/cr_checkpoint" --nosync "$@"; }
is_image() { "$bin/cr_info" "$1" >/dev/null 2>&1; }
none_left() { [[ -z $(find "${1:-.}" -name '*.tmp*' -o -name '*.partial') ]]; }
same() { cmp -s "$1" "$2"; }
into_pipe() {
    checkpoint -F 1 "$pid" </dev/null | cat >from-pipe
    return "${PIPESTATUS[0]}"
}
into_closed_pipe() {
    checkpoint -F 1 "$pid" </dev/null 2>err | true
    [[ ${PIPESTATUS[0]} -eq 32 ]]
}

# ---- usage
ok "--help" status 0 "$bin/cr_checkpoint" --help
ok "names every scope" says "--session\|--sid"
ok "-?" status 0 "$bin/cr_checkpoint" '-?'
ok "--version" status 0 "$bin/cr_checkpoint" --version
ok "begins with its name" grep -q '^cr_checkpoint: version ' words
ok "no target is bad usage" status 255 "$bin/cr_checkpoint"
ok "two targets are bad usage" status 255 "$bin/cr_checkpoint" 1 2
ok "a word is no target" status 255 "$bin/cr_checkpoint" init
ok "an unknown option is bad usage" status 255 "$bin/cr_checkpoint" --bogus 1
ok "an option without its value is bad usage" status 255 "$bin/cr_checkpoint" --file
ok "two destinations are 22" status 22 "$bin/cr_checkpoint" -c -f x 1
ok "and says so" says "more than one destination"
ok "signal 65 is 22" status 22 "$bin/cr_checkpoint" -S 65 1
ok "signal 0 is 22" status 22 "$bin/cr_checkpoint" --signal 0 1
ok "--time without a number is 22" status 22 "$bin/cr_checkpoint" --time soon 1
ok "no such process is 3" status 3 "$bin/cr_checkpoint" 999999999
ok "by its number" says 999999999
ok "--quiet says nothing of that" silent "$bin/cr_checkpoint" --quiet 999999999
ok "-q says nothing of bad usage" silent "$bin/cr_checkpoint" -q --bogus 1
mkfifo forever
"$(dirname "$victim")/../attach/attach_static" <>forever >static &
static=$!
ok "a process that can have no agent is 52" status 52 "$bin/cr_checkpoint" "$static"
kill -KILL "$static"
ok "words go to standard error only" test ! -s words
if [[ $(id -u) -eq 0 ]] && command -v setpriv >/dev/null; then
    chmod 755 "$dir"
    run_victim count
    ok "another user's process is 1" status 1 setpriv --reuid 65534 --regid 65534 --clear-groups "$bin/cr_checkpoint" -f /tmp/none "$pid"
    ok "and says why" says "ermi\|another user"
    end_victim
fi

# ---- where to
run_victim count
ok "the default is context.ID here" checkpoint "$pid"
ok "with mode 0400" test "$(stat -c %a "context.$pid")" = 400
ok "it is an image" is_image "context.$pid"
ok "-c is the default" checkpoint -c "$pid"
ok "--pid N --file F, as scripts have it" checkpoint --pid "$pid" --file one
ok "-T N -f F" checkpoint -T "$pid" -f one
ok "options may come last" checkpoint "$pid" -f two
ok "nothing else is left" none_left
ln -s two link
ok "a link is followed" checkpoint -f link "$pid"
ok "and stays" test -L link
ln one second
ok "a file with two names is 31" status 31 "$bin/cr_checkpoint" -f one "$pid"
ok "and says so" says "hard links"
rm second
ok "a directory is 21" status 21 "$bin/cr_checkpoint" -f "$dir" "$pid"
ok "a directory with --clobber is 21" status 21 "$bin/cr_checkpoint" --clobber -f "$dir" "$pid"
ok "a folder that is not there is 2" status 2 "$bin/cr_checkpoint" -f "$dir/none/image" "$pid"
ok "a file as folder is 20" status 20 "$bin/cr_checkpoint" -f "$dir/one/image" "$pid"
mkdir closed
if [[ $(id -u) -eq 0 ]]; then
    ok "a folder that may not be written # SKIP root may" true
else
    chmod 555 closed
    ok "a folder that may not be written is 13" status 13 "$bin/cr_checkpoint" -f closed/image "$pid"
    chmod 755 closed
fi
mkfifo fifo
cat fifo >from-fifo &
reader=$!
ok "a FIFO" checkpoint -f fifo "$pid"
wait "$reader"
ok "carries the image" is_image from-fifo
ok "and nothing else is left" none_left
(trap - INT; exec "$bin/cr_checkpoint" -f fifo "$pid") </dev/null 2>err &
request=$!
sleep 0.2
kill -INT "$request"
wait "$request"
ok "an interrupt ends the wait for a reader" test $? -eq 50
ok "--time ends the wait for a reader" status 110 "$bin/cr_checkpoint" --time 1 -f fifo "$pid"
ok "and says so" says "nobody reads"
python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX); s.bind("socket"); s.listen(); print("ready", flush=True)
c, _ = s.accept()
with open("from-socket", "wb") as f:
    while data := c.recv(1 << 16):
        f.write(data)' >listener &
reader=$!
await listener ready
ok "a socket" checkpoint -f socket "$pid"
wait "$reader"
ok "carries the image" is_image from-socket
ok "a socket that nobody serves is 111" status 111 "$bin/cr_checkpoint" -f socket "$pid"
ok "/dev/null" checkpoint -f /dev/null "$pid"
exec 7>from-descriptor
ok "-F" checkpoint -F 7 "$pid"
exec 7>&-
ok "carries the image" is_image from-descriptor
ok "-F into a pipe" into_pipe
ok "carries the image" is_image from-pipe
ok "-F into a pipe that is closed is 32" into_closed_pipe
ok "-F that is not open is 9" status 9 "$bin/cr_checkpoint" -F 77 "$pid"
exec 7<one
ok "-F for reading only is 9" status 9 "$bin/cr_checkpoint" -F 7 "$pid"
exec 7<&-
ok "the process runs on" runs_on

# ---- what is replaced
cp one before && chmod 600 before
ok "--noclobber is 17" status 17 "$bin/cr_checkpoint" --noclobber -f before "$pid"
ok "and leaves the old file" same before one
ok "--noclobber on a new name" checkpoint --noclobber -f fresh "$pid"
ok "--backup" checkpoint --backup -f before "$pid"
ok "keeps the old file as .~1~" same before.~1~ one
ok "and again" checkpoint --backup -f before "$pid"
ok "as .~2~" test -e before.~2~
touch before.~41~
ok "the highest is the newest" checkpoint --backup -f before "$pid"
ok "as .~42~" is_image before.~42~
cp one named && chmod 600 named
ok "--backup=NAME" checkpoint --backup=kept -f named "$pid"
ok "keeps the old file as NAME" same kept one
ok "--backup without an old file" checkpoint --backup -f nothing-yet "$pid"
ok "makes no backup" test ! -e nothing-yet.~1~
ok "--clobber" checkpoint --clobber -f fresh "$pid"
ok "replaces a file that may not be written" is_image fresh
ok "--atomic" checkpoint --atomic -f fresh "$pid"
ok "nothing else is left" none_left

# ---- a directory
ok "-d" checkpoint -d folder "$pid"
ok "has context.PID" is_image "folder/context.$pid"
ok "with mode 0400" test "$(stat -c %a "folder/context.$pid")" = 400
ok "-d again" checkpoint -d folder/ "$pid"
ok "replaces it" test "$(ls folder)" = "context.$pid"
ok "-d --noclobber is 17" status 17 "$bin/cr_checkpoint" -d folder --noclobber "$pid"
ok "-d --backup" checkpoint --backup -d folder "$pid"
ok "keeps the old directory" is_image "folder.~1~/context.$pid"
touch folder/precious
ok "-d with other things in it is 17" status 17 "$bin/cr_checkpoint" -d folder "$pid"
ok "and leaves them" test -e folder/precious
ok "-d on a file is 20" status 20 "$bin/cr_checkpoint" -d one "$pid"
ok "a failure leaves no directory" status 3 "$bin/cr_checkpoint" -d other 999999999
ok "none" test ! -e other
ok "nothing else is left" none_left

# ---- what is said
ok "a success says nothing" silent checkpoint -f one "$pid"
ok "-v" status 0 "$bin/cr_checkpoint" -v -f one "$pid"
ok "says how long it stood" says "stopped for"
ok "--json" status 0 "$bin/cr_checkpoint" --json -f one "$pid"
ok "is JSON" is_json words "o['error'] == 0 and o['pid'] == $pid and o['file'].endswith('/one')"
ok "--json of a failure" status 3 "$bin/cr_checkpoint" --json -q 999999999
ok "is JSON with its status" is_json words "o['status'] == 3 and '999999999' in o['text']"
ok "--dry-run" status 0 "$bin/cr_checkpoint" --dry-run -v -f never "$pid"
ok "writes nothing" test ! -e never
ok "and says so" says "can be checkpointed"
for option in --kmsg-none --kmsg-error --kmsg-warning --save-none --ptraced-error --ptraced-skip --ptraced-allow --ptracer-error --ptracer-skip --sync --run; do
    ok "$option" status 0 "$bin/cr_checkpoint" --nosync "$option" -f one "$pid"
done

# ---- signals
ok "--stop" checkpoint --stop -f one "$pid"
ok "leaves it stopped" await "/proc/$pid/status" "^State:.T"
kill -CONT "$pid"
ok "until it is continued" runs_on
ok "--early-stop" checkpoint --early-stop -f one "$pid"
ok "leaves it stopped" await "/proc/$pid/status" "^State:.T"
kill -CONT "$pid"
ok "--cont" checkpoint --cont -f one "$pid"
ok "runs on" runs_on
ok "a failure sends no signal" status 21 "$bin/cr_checkpoint" --kill -f "$dir" "$pid"
ok "the process runs on" runs_on
ok "the last signal wins" checkpoint --kill --run -f one "$pid"
ok "the process runs on" runs_on
ends_by() { # ends_by SIGNAL OPTION...
    local wanted=$1 got
    shift
    run_victim count
    checkpoint "$@" -f one "$pid" || return 1
    wait "$pid" 2>/dev/null
    got=$?
    pid=
    [[ $got -eq $((128 + wanted)) ]] || echo "ended with $got" >>err
    [[ $got -eq $((128 + wanted)) ]]
}
end_victim
ulimit -c 0
ok "--term" ends_by 15 --term
ok "--abort" ends_by 6 --abort
ok "--early-abrt" ends_by 6 --early-abrt
ok "--kill" ends_by 9 --kill
ok "-S by number" ends_by 12 -S 12
ok "-S by name" ends_by 12 -S usr2
ok "the image of the last one restarts" restarts one

# ---- a disk that is full
export CR_FAULT=dump:before-copy=enospc
run_victim count
unset CR_FAULT
ok "a full disk is 28" status 28 "$bin/cr_checkpoint" -f full "$pid"
ok "names the file" says "full"
ok "nothing else is left" none_left
ok "the process runs on" runs_on
end_victim
run_victim count
ok "a device that is full is 28" status 28 "$bin/cr_checkpoint" -f /dev/full "$pid"
ok "and says so" says "o space left"
ok "the process runs on" runs_on
end_victim

# ---- a terminal
if command -v script >/dev/null; then
    run_victim memory 200
    mkfifo slow-fifo
    exec 8<>slow-fifo # the image waits there until somebody reads
    (sleep 4; exec timeout 20 cat slow-fifo >slow) 8>&- &
    script -qec "$bin/cr_checkpoint -f slow-fifo $pid" typescript </dev/null >/dev/null 2>&1
    exec 8>&-
    ok "a terminal sees how far it is" grep -q "cr_checkpoint: .* s " typescript
    ok "and the image is complete" is_image slow
    end_victim
fi
CR_FAULT=dump:before-copy=fail run_victim count
ok "a disk that fails is 5" status 5 "$bin/cr_checkpoint" -f failing "$pid"
ok "and says where" says "failing"
ok "and nothing is left" not test -e failing
ok "and the program runs on" runs_on
end_victim
finish_test
