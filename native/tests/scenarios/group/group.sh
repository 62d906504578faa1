#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# Families of processes brought back by cr_restart: what can go wrong, which ids they get, who is their parent. Prints TAP.
# usage: group.sh BIN VICTIM SCENARIOS
# shellcheck disable=SC2317 # called by ok()
set -uo pipefail

# shellcheck source=../commands/support.sh
source "$(dirname "${BASH_SOURCE[0]}")/../commands/support.sh"
scenarios=$3
user=(setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all)
chmod 1777 "$dir"

# begin NAME [COMMAND...]: starts the family NAME, by COMMAND if there is one
begin() {
    local name=$1
    shift
    rm -f ready go result out image
    : >out
    chmod 0666 out
    (without_descriptors "$@" "$bin/cr_run" "$scenarios/sc_family_$name" "$dir") </dev/null >>out 2>&1 &
    pid=$!
    await ready ready
}

# A killed family has been reaped by everybody when none of its ids is in use.
end() {
    "$@" "$bin/cr_checkpoint" --nosync --kill -f image "$pid" </dev/null >words 2>err || return 1
    wait "$pid" 2>/dev/null
    pid=
}

# eventually COMMAND...: within ten seconds
eventually() {
    local i
    for ((i = 0; i < 500; i++)); do
        ! "$@" || return 0
        sleep 0.02
    done
    return 1
}

# Whom init has not reaped yet is dead all the same.
nobody() { ! pgrep --runstates R,S,D,T,t -x "$(cut -c1-15 <<<"sc_family_$1")" >/dev/null; }
comes_back() { rm -f result; (without_descriptors timeout 60 "$@") </dev/null >words 2>err && grep -q ^pass result; }
has_ids() { [[ $(ps -o pgid=,sid= -p "$1" | tr -s ' ') == *" $2 $3" || $(ps -o pgid=,sid= -p "$1" | xargs) == "$2 $3" ]]; }

# ---- ids that are in use
begin offsets
ok "a family is saved" status 0 "$bin/cr_checkpoint" --nosync -f image "$pid"
ok "an id that is in use is 16" status 16 "$bin/cr_restart" --restore-pid image
ok "and its holder is named" says "in use by the command sc_family_offse"
ok "--check says so as well" status 16 "$bin/cr_restart" --restore-pid --check image
touch go
await result pass
wait "$pid"
pid=

# ---- one member that cannot come back
mv lines elsewhere
ok "a file that is missing is 2" status 2 "$bin/cr_restart" image
ok "and said to be" says "lines, which the program has open"
mv elsewhere lines
# Page data is the end of each image in the file, and the first image begins at 4096.
cp image damaged
first=$(tar tvf image | awk 'NR == 1 { print $3 }')
printf 'XXXX' | dd of=damaged bs=1 seek=$((4096 + first - 100)) conv=notrunc 2>/dev/null
ok "a member whose memory is damaged ends all" not status 0 timeout 60 "$bin/cr_restart" damaged
ok "with one line" test "$(grep -c cr_restart err)" -eq 1
ok "that says who and why" says "(sc_family_offse): the image is damaged"
ok "nobody is left" nobody offsets
ok "the good image comes back" comes_back "$bin/cr_restart" image
ok "and once more" comes_back "$bin/cr_restart" image

# ---- whose ids, whose group
begin sessions
end
touch go
ok "with the old ids" comes_back "$bin/cr_restart" --restore-pid image
ok "with other ids" comes_back "$bin/cr_restart" --no-restore-pid image
ok "in a pid namespace" comes_back "$bin/cr_restart" --pidns image
begin sessions "${user[@]}"
end "${user[@]}"
touch go
ok "a user may not choose ids" status 1 "${user[@]}" "$bin/cr_restart" --restore-pid image
ok "and is told what helps" says "use --pidns, or --no-restore-pid"
rm -f result
ok "a user's family with other ids" comes_back "${user[@]}" "$bin/cr_restart" image
rm -f result
ok "a user's family in a pid namespace" comes_back "${user[@]}" "$bin/cr_restart" --pidns image

# ---- process group and session of the eldest
begin deep setsid
old=$pid
end
rm -f go
(without_descriptors "$bin/cr_restart" --restore-pid --restore-pgid --restore-sid image) </dev/null >words 2>err &
restart=$!
ok "the eldest comes back" eventually test -e "/proc/$old/exe"
ok "with --restore-sid in its old session" eventually has_ids "$old" "$old" "$old"
kill -TERM "$restart"
wait "$restart"
ok "what ends the eldest ends its stand-in" test $? -eq 143
touch go
ok "the others end by themselves" eventually nobody deep
rm -f go result
(without_descriptors "$bin/cr_restart" --restore-pid image) </dev/null >words 2>err &
restart=$!
ok "else it is in the group of cr_restart" eventually has_ids "$old" "$(ps -o pgid= -p $$ | xargs)" "$(ps -o sid= -p $$ | xargs)"
touch go
wait "$restart"
ok "and ends well" grep -q ^pass result

# ---- many
begin many "${user[@]}"
end "${user[@]}"
touch go
ok "more descriptors than the limit are refused" not status 0 prlimit --nofile=80:80 "${user[@]}" "$bin/cr_restart" image
ok "in words" says "limit of open files"
ok "fifty come back" comes_back "${user[@]}" "$bin/cr_restart" image
rm -f ready go result image
(without_descriptors "$bin/cr_run" "$scenarios/sc_family_many" "$dir" 200) </dev/null >>out 2>&1 &
pid=$!
await ready ready
end
touch go
ok "two hundred come back" comes_back "$bin/cr_restart" image
echo "1..$count"
exit $bad
