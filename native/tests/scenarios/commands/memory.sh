#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# What of memory goes into an image, by options of cr_checkpoint. usage: memory.sh BIN MAPPER
# shellcheck disable=SC2317,SC2119,SC2120 # functions are called by their names, with words that are theirs
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=SCRIPTDIR/support.sh
. "$here/support.sh"
name=/quiesce-mapper-$$

files() {
    head -c 262144 /dev/zero | tr '\0' p >private
    head -c 262144 /dev/zero | tr '\0' s >shared
    head -c 5000 /dev/zero | tr '\0' w >written
    rm -f go
}

# saved OPTION...: a mapper has been saved and killed
saved() {
    files
    rm -f image
    run_victim "$name" || return 1
    status 0 "$bin/cr_checkpoint" --nosync --kill --json -f image "$@" "$pid" || return 1
    wait "$pid" 2>/dev/null
    pid=
}

# finds TEXT: the process of the image comes back and finds what TEXT says
finds() {
    : >go
    (without_descriptors timeout 20 "$bin/cr_restart" image) </dev/null >>out 2>err
    grep -q -- "$1" out
}

gone() { rm -f private shared "/dev/shm$name"; }

ok "nothing is asked for" saved
ok "advised memory is empty, the rest is whole" finds "private=p shared=s posix=x cache=c large=l advised=-"
ok "the answer says what was left out" is_json words "o['memory_left_out']['dontdump'] == 3 << 20 and o['memory_left_out']['request'] == 0"
ok "cr_info says it too" status 0 "$bin/cr_info" image
ok "by its reason" says "left out.*3.* MiB"

ok "--keep-dontdump" saved --keep-dontdump
ok "advised memory is whole" finds "advised=a"

ok "rules by name, size and policy" saved --exclude "/dev/zero*" --exclude "keep:size>2M" --exclude "drop:size>32M"
ok "what is dropped is counted" is_json words "o['memory_left_out']['request'] >= 64 << 20"
ok "leave out what they say" finds "cache=- large=? advised=a"
ok "a later rule takes back an earlier one" saved --exclude "/dev/zero*" --exclude "keep:/dev/z*"
ok "and the memory is whole" finds "cache=c large=l"

files
run_victim "$name"
ok "a rule that is none is refused" not status 0 "$bin/cr_checkpoint" --exclude "size>" -f image2 "$pid"
ok "with the grammar" says "is no rule for memory"
ok "and nothing is written" test ! -e image2
ok "a dry run" status 0 "$bin/cr_checkpoint" --dry-run -v --exclude "size>32M" -f image2 "$pid"
ok "says what would be saved" says "can be checkpointed: [1-9].* of memory"
ok "and left out" says "left out: 64.* MiB of memory excluded by --exclude"
ok "and writes nothing" test ! -e image2
end_victim

ok "--save-all" saved --save-all
gone
ok "files that are gone are not needed" finds "private=p shared=s posix=x"
ok "a shared one is there again" grep -q ssss shared
ok "--save-shared" saved --save-shared
echo other >shared
ok "a shared file that was changed is as it was" finds "shared=s"
ok "and as long" test "$(stat -c %s shared)" -eq 262144

ok "POSIX shared memory" saved
rm -f "/dev/shm$name"
ok "is made anew when it is gone" finds "posix=x"
ok "with its mode" test "$(stat -c %a "/dev/shm$name")" = 640
saved
rm -f private
ok "a file that is gone is missed" not finds "private"
ok "by name" grep -q "private.*cannot be opened" err

ok "--files=contents" saved --files=contents
rm -f written
ok "an open file that is gone is made anew" finds "written=w"
ok "as it was" test "$(stat -c %s written)" -eq 5000
ok "--files=contents:PATTERN" saved --files="contents:*/writ*n"
head -c 3000 /dev/zero | tr '\0' z >written
ok "an open file that was changed is as it was" finds "written=w"
ok "--files=contents" saved --files=contents
head -c 6000 /dev/zero | tr '\0' z >written
: >go
ok "cr_restart --files=reference" status 0 timeout 20 "$bin/cr_restart" --files=reference image
ok "leaves the file as it is" grep -q "written=z" out
ok "--files=check" saved --files=check
head -c 5000 /dev/zero | tr '\0' z >written
ok "a changed file is refused" not finds "written"
ok "by name" grep -q "written.*has other contents" err
ok "cr_restart --files=reference" status 0 timeout 20 "$bin/cr_restart" --files=reference image
ok "takes it" grep -q "written=z" out
ok "nothing is asked for" saved
echo >>written
ok "cr_restart --files=check refuses a file that has grown" not status 0 timeout 20 "$bin/cr_restart" --files=check image
rm -f "/dev/shm$name"
finish_test
