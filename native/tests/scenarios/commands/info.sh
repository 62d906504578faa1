#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# cr_info: tables, JSON, digests, unpacking, statuses. Prints TAP. usage: info.sh BIN VICTIM
# shellcheck disable=SC2317 # called by ok()
set -uo pipefail
# shellcheck source=native/tests/scenarios/commands/support.sh
source "$(dirname "$0")/support.sh"

info() { "$bin/cr_info" "$@"; }

# ---- usage
ok "--help" status 0 "$bin/cr_info" --help
ok "--version" status 0 "$bin/cr_info" --version
ok "no file is bad usage" status 2 "$bin/cr_info"
ok "an unknown option is bad usage" status 2 "$bin/cr_info" --bogus
ok "a file that is no image is 7" status 7 "$bin/cr_info" /etc/passwd
ok "and says so" says "not a Quiesce image"
ok "a missing file is 1" status 1 "$bin/cr_info" missing
ok "by name" says missing
: >nothing
ok "an empty file is 7" status 7 "$bin/cr_info" nothing

# ---- one process
run_victim count
(cd / && "$bin/cr_checkpoint" --nosync --kill -f "$dir/image" "$pid")
wait "$pid" 2>/dev/null
ok "an image" status 0 "$bin/cr_info" image
for words in "process .*$pid" "host" "executable .*victim" "thread   name" "$pid.*victim" "areas  kind" "fd     kind" "file .*/out"; do
    ok "shows $words" says "$words"
done
ok "--maps" status 0 "$bin/cr_info" --maps image
ok "shows the stack" says "\[stack\]"
ok "--verify" status 0 "$bin/cr_info" --verify image
ok "says so" says "every byte fits"
ok "--json" status 0 "$bin/cr_info" --json image
ok "is JSON" is_json words "o['pid'] == $pid and len(o['threads']) >= 2 and 'leftOut' in o and o['host']"
ok "--json --maps" status 0 "$bin/cr_info" --json --maps image
ok "is JSON" is_json words "len(o['areas']) > 5"
ok "several files" status 0 "$bin/cr_info" --json image image
ok "are a line each" test "$(wc -l <words)" -eq 2
ok "a bad one among several is told" status 7 "$bin/cr_info" image nothing image
cp image damaged && chmod 600 damaged
printf 'X' | dd of=damaged bs=1 seek=$(($(stat -c %s image) - 3000)) conv=notrunc 2>/dev/null
ok "--verify finds damage in page data" status 7 "$bin/cr_info" --verify damaged
ok "and says where" says "offset"
cp image damaged && chmod 600 damaged
printf 'XXXX' | dd of=damaged bs=1 seek=600 conv=notrunc 2>/dev/null
ok "damage in the notes is found without" status 7 "$bin/cr_info" damaged
head -c 9000 image >short
ok "a short image is 7" status 7 "$bin/cr_info" short
ok "--unpack" status 0 "$bin/cr_info" --unpack parts image
ok "copies the image" cmp -s image "parts/$pid.cr"
ok "--unpack over something is 1" status 1 "$bin/cr_info" --unpack parts image
ln -s image $'with \x01 control'
ok "control characters do not reach the terminal" status 0 "$bin/cr_info" --json $'with \x01 control'
ok "and are JSON" is_json words
finish_test
