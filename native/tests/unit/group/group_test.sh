#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# Checkpoints of several processes, by their engine. usage: group_test.sh BIN TOOL FAMILY user|root
# As an ordinary user when called by root with "user".
# shellcheck disable=SC2317 # conditions are called by their names
set -u
# shellcheck source=SCRIPTDIR/../../support/descriptors.sh
source "$(dirname "$0")/../../support/descriptors.sh"
bin=$1
tool=$2
family=$3
who=$4
as=()
if [[ $who == user && $EUID -eq 0 ]]; then
    as=(setpriv --reuid 65534 --regid 65534 --clear-groups)
fi
[[ $who == user || $EUID -eq 0 ]] || { echo "1..0 # SKIP needs root"; exit 77; }
dir=$(mktemp -d "${TMPDIR:-/tmp}/quiesce-group.XXXXXX")
chmod 777 "$dir"
cd "$dir" || exit 1
count=0
bad=0
pid=

# shellcheck disable=SC2317 # called by the trap
finish() {
    end_family
    rm -rf "$dir"
}
trap finish EXIT

ok() {
    local text=$1
    shift
    count=$((count + 1))
    if "$@"; then
        echo "ok $count - $text"
    else
        echo "not ok $count - $text"
        bad=1
        tail -n 5 words shown 2>/dev/null | sed 's/^/# /'
    fi
}

await() { # await COMMAND...: until it succeeds
    local i
    for ((i = 0; i < 1000; i++)); do
        ! "$@" || return 0
        sleep 0.02
    done
    return 1
}

ready() { grep -q ready out 2>/dev/null; }

begin_family() {
    rm -f out count.* forks
    (without_descriptors setsid "${as[@]}" "$bin/cr_run" "$family" "$@") </dev/null >out 2>/dev/null &
    pid=$!
    await ready
}

# Its session and what has left its group.
end_family() {
    local p
    [[ -n $pid ]] || return 0
    for p in $(ps -o pid=,sid= -e | awk -v s="$pid" '$2 == s { print $1 }') "$pid"; do
        kill -KILL "$p" 2>/dev/null
    done
    wait "$pid" 2>/dev/null
    pid=
}

save() { # save STATUS SCOPE ID [OPTION...]
    local wanted=$1 got
    shift
    timeout 60 "${as[@]}" "$tool" save "$1" "$2" "$dir/saved" time=40000 "${@:3}" </dev/null >words 2>&1
    got=$?
    [[ $got -eq $wanted ]] || echo "status $got instead of $wanted" >>words
    [[ $got -eq $wanted ]]
}

show() { "$tool" show saved >shown; }
shows() { grep -Eq -- "$1" shown; }
says() { grep -Eq -- "$1" words; }
not() { ! "$@"; }
members() { [[ $(grep -c ^member shown) -eq $1 ]]; }
at_least() { [[ $(grep -c ^member shown) -ge $1 ]]; }
nothing_left() { [[ ! -e saved && ! -e saved.partial ]]; }

status_of_tar() { tar tf saved >words 2>&1 && says "^$child.cr" && says "^manifest.pb"; }
whole_or_nothing() { if [[ -e saved ]]; then show; else nothing_left; fi; }

grows() { # the number in FILE goes up
    local before
    before=$(cat "$1")
    await is_more "$1" "$before"
}
is_more() { [[ $(cat "$1" 2>/dev/null || echo 0) -gt $2 ]]; }
all_count() {
    local file
    for file in count.*; do
        ! ended "${file#count.}" || continue
        grows "$file" || return 1
    done
}
same_numbers() { # nobody has counted on since the checkpoint
    local before
    before=$(cat count.*)
    sleep 0.1
    [[ $(cat count.*) == "$before" ]]
}
ended() { not kill -0 "$1" 2>/dev/null || grep -q "^State:.Z" "/proc/$1/status" 2>/dev/null; }

# ---- a family that shares
begin_family share
child=$(pgrep -P "$pid" | head -n 1)
ok "a tree of two is saved" save 0 tree "$pid"
ok "its file can be read" show
ok "both are in it" members 2
ok "the child knows its parent" shows "^member $child parent $pid "
ok "an inherited file is shared" shows "^file [0-9]+: .*$pid/[0-9]+.* $child/"
ok "shared memory is stored once" shows "^shared owner ($pid|$child): "
ok "both run on" all_count
ok "tar lists it" status_of_tar
mkdir -p extracted
ok "tar unpacks it" tar xf saved -C extracted --no-same-owner
ok "a member is a core file" grep -q "Type:.*CORE" <(readelf -h "extracted/$child.cr" 2>/dev/null)
ok "with a manifest" test -s extracted/manifest.pb
ok "an image begins on a page" test $(($(grep -obUam1 $'\x7fELF' saved | head -n 1 | cut -d: -f1) % 4096)) -eq 0
if command -v gdb >/dev/null; then
    ok "gdb opens a member" grep -q "^#0" <(gdb -batch -ex bt "$family" "extracted/$child.cr" 2>/dev/null)
fi

# ---- damage
cp saved good
size=$(stat -c %s good)
for cut in 100 5000 $((size / 2)) $((size - 1024)) $((size - 1)); do
    head -c "$cut" good >saved
    ok "cut to $cut bytes it is refused" not show
done
for at in 30 700 3700 4100 $((size / 2)) $((size - 1600)) $((size - 1100)) $((size - 500)); do
    cp good saved
    byte=$(od -An -tu1 -j "$at" -N 1 good)
    # shellcheck disable=SC2059 # the format is the byte
    printf "\\x$(printf %x $((byte ^ 16)))" | dd of=saved bs=1 seek="$at" conv=notrunc 2>/dev/null
    ok "with a bit flipped at $at it is refused" not show
done
cat good <(head -c 512 /dev/zero) >saved
ok "with more behind its end it is refused" not show
rm -f saved good

# ---- endings
ok "a dry run succeeds" save 0 tree "$pid" dry
ok "and writes nothing" nothing_left
ok "and all run on" all_count
ok "an omitted process is not in it" save 0 tree "$pid" "omit=$child"
rm -f saved
ok "killed with the checkpoint" save 0 tree "$pid" signal=9
ok "nobody took a step more" same_numbers
ok "both have ended" await ended "$child"
ok "the file is whole" show
end_family

# ---- the dead
begin_family dead
ok "a tree with dead children is saved" save 0 tree "$pid"
ok "it can be read" show
ok "three are in it" members 3
ok "one ended with 3" shows "parent $pid .* state 2 status 768 "
ok "one died of SIGKILL" shows "parent $pid .* state 2 status 9 "
end_family

# ---- scopes
begin_family wide
own_group=$(pgrep -P "$pid" | head -n 1)
ok "a session is saved" save 0 session "$pid"
ok "with its orphan" show
ok "all three are in it" members 3
ok "a process group is saved" save 0 group "$pid"
ok "without the child that left it" show
ok "two are in it" members 2
ok "the orphan has no parent in it" shows "^member [0-9]+ parent 0 pgid $pid sid $pid .* init 1 .*"
ok "a tree is saved" save 0 tree "$pid"
ok "without the orphan" show
ok "it has the child" shows "^member $own_group parent $pid pgid $own_group sid $pid"
ok "one process is saved as an image" save 0 process "$pid"
ok "which is no tar file" not show
ok "a core file" grep -q "Type:.*CORE" <(readelf -h saved 2>/dev/null)
end_family
rm -f saved
ok "a process that does not exist is ESRCH" save 3 tree 999999999
ok "a group without processes, too" save 3 group 999999999
ok "a session, too" save 3 session 999999999

# ---- processes that come and go
for number in 3 50; do
    begin_family fork "$number" exec
    for try in 1 2 3; do
        ok "$number that fork are saved, time $try" save 0 tree "$pid"
        ok "all of them" show
        ok "and there are that many" at_least "$number"
    done
    ok "they go on forking" grows forks
    end_family
done
begin_family fork 200
ok "200 that fork are saved" save 0 tree "$pid"
ok "all of them" show
ok "and there are that many" at_least 200
ok "they go on forking" grows forks
end_family

# ---- one is killed on the way
for point in dump:after-threads dump:before-copy dump:after-copy; do
    rm -f saved
    begin_family pair "$point=kill"
    save 0 tree "$pid"
    ok "killed at $point: all of the checkpoint or nothing" whole_or_nothing
    ok "killed at $point: the others run on" all_count
    end_family
done
rm -f saved
begin_family pair seal:before=kill
ok "one that dies after it went on does no harm" save 0 tree "$pid"
ok "its image is whole" show
ok "it is in the file" members 3
end_family
for point in dump:after-threads dump:before-copy seal:before; do
    rm -f saved
    begin_family pair "$point=fail"
    ok "a failure at $point fails the checkpoint" not save 0 tree "$pid"
    ok "$point: it leaves nothing" nothing_left
    ok "$point: all run on" all_count
    end_family
done

# ---- one never answers
rm -f saved
begin_family pair dump:before-copy=stop
ok "who is stopped on the way ends the checkpoint when its time is over" save $((1103 & 255)) tree "$pid" time=3000
ok "by name" says "did not answer in time"
ok "nothing is left" nothing_left
end_family

# ---- who cannot be saved
rm -f saved
begin_family vfork
ok "a parent in vfork is refused" save $((1105 & 255)) tree "$pid"
ok "by name" says "waits in vfork for its child"
ok "nothing is left" nothing_left
end_family
"${as[@]}" sleep 60 251>&- </dev/null &
stranger=$!
await test -e "/proc/$stranger/exe"
ok "a process without an agent is refused" save $((1100 & 255)) process "$stranger"
ok "by name" says "process $stranger \\(sleep\\) has no checkpoint agent"
kill -KILL "$stranger"
wait "$stranger" 2>/dev/null
if [[ $who == user && $EUID -eq 0 ]]; then
    (without_descriptors "$bin/cr_run" "$family" count) </dev/null >out 2>/dev/null &
    stranger=$!
    await ready
    ok "another user's process is EPERM" save 1 process "$stranger"
    kill -KILL "$stranger"
    wait "$stranger" 2>/dev/null
fi

# ---- stopped by a signal
begin_family share
child=$(pgrep -P "$pid" | head -n 1)
kill -STOP "$child"
await grep -q "^State:.T" "/proc/$child/status"
before=$(cat "count.$child")
if save 0 tree "$pid"; then
    ok "a stopped process is saved" true
    ok "it can be read" show
    ok "as a stopped one" shows "^member $child .* state 1 "
    ok "it is still stopped" grep -q "^State:.T" "/proc/$child/status"
    ok "and not traced" grep -q "^TracerPid:.0" "/proc/$child/status"
    ok "and has not run" test "$(cat "count.$child")" = "$before"
else
    ok "a stopped process is refused where ptrace is not for us" says "is stopped"
fi
kill -CONT "$child"
ok "it runs on when it is continued" grows "count.$child"
end_family
echo "1..$count"
exit $bad
