#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# cr_run: what it does to the environment, which programs it runs, statuses. Prints TAP. usage: run_command.sh BIN VICTIM
# shellcheck disable=SC2317 # called by ok()
set -uo pipefail
# shellcheck source=native/tests/scenarios/commands/support.sh
source "$(dirname "$0")/support.sh"

preload_is() { grep -qxE "$1" words; }

ok "--help" status 0 "$bin/cr_run" --help
ok "-?" status 0 "$bin/cr_run" '-?'
ok "--version" status 0 "$bin/cr_run" --version
ok "begins with its name" grep -q '^cr_run: version ' words
ok "no program is bad usage" status 255 "$bin/cr_run"
ok "an unknown option is bad usage" status 255 "$bin/cr_run" --bogus true
ok "a program that is not there is 127" status 127 "$bin/cr_run" ./no-such-program
ok "by name" says no-such-program
touch plain
ok "a program that cannot be run is 126" status 126 "$bin/cr_run" ./plain
ok "the status is the program's" status 7 "$bin/cr_run" sh -c 'exit 7'
ok "-- ends the options" status 0 "$bin/cr_run" -- true
ok "options of the program are its own" status 0 "$bin/cr_run" bash --version
unset LD_PRELOAD
ok "the library is preloaded" status 0 "$bin/cr_run" printenv LD_PRELOAD
ok "by its name with the version" preload_is '.*/libcr(_run)?\.so\.0'
ok "a nested cr_run" status 0 "$bin/cr_run" "$bin/cr_run" printenv LD_PRELOAD
ok "preloads it once" preload_is '[^:]*/libcr(_run)?\.so\.0'
other=$(find /lib/x86_64-linux-gnu /usr/lib -name 'libm.so.6' 2>/dev/null | head -1)
ok "another preload" status 0 env LD_PRELOAD="$other" "$bin/cr_run" printenv LD_PRELOAD
ok "is kept behind" preload_is "[^:]*/libcr(_run)?\\.so\\.0:$other"
ok "an old libcr_omit" status 0 env LD_PRELOAD="/old/libcr_omit.so.0:$other:/old/libcr_run.so.0" "$bin/cr_run" printenv LD_PRELOAD
ok "is dropped" preload_is "[^:]*/libcr(_run)?\\.so\\.0:$other"
ok "--omit" status 0 "$bin/cr_run" --omit "$bin/cr_run" printenv LD_PRELOAD
ok "is undone by a cr_run inside" preload_is '[^:]*/libcr(_run)?\.so\.0'
ok "--run undoes --omit" status 0 "$bin/cr_run" --omit --run printenv LD_PRELOAD
ok "in one command too" preload_is '.*/libcr(_run)?\.so\.0'
ok "--omit --run --omit" status 0 "$bin/cr_run" --omit --run --omit env
ok "has no library that takes part" not preload_is 'LD_PRELOAD=.*/libcr(_run)?\.so\.0.*'

# Programs that a preload has no effect on run, and cannot be saved.
if printf 'int main(int c, char **v) { (void)v; if (c > 1) { for (;;) __builtin_ia32_pause(); } return 5; }' >static.c &&
    cc -static -o static static.c 2>/dev/null; then
    ok "a static program runs" status 5 "$bin/cr_run" ./static
    "$bin/cr_run" ./static stay </dev/null >/dev/null 2>&1 &
    pid=$!
    until [[ $(readlink "/proc/$pid/exe") == */static ]]; do sleep 0.01; done
    static_is_refused() {
        "$bin/cr_checkpoint" --nosync -f static.image "$pid" </dev/null 2>err
        case $? in
        0) "$bin/cr_info" static.image >/dev/null ;; # attached to from outside
        52) grep -q "cr_run" err ;;
        *) return 1 ;;
        esac
    }
    ok "a static program is saved or refused in words" static_is_refused
    end_victim
fi
run_victim count
ok "a program under cr_run can be saved" status 0 "$bin/cr_checkpoint" --nosync -f image "$pid"
end_victim
(without_descriptors "$bin/cr_run" --omit sleep 60) </dev/null >out 2>err &
pid=$!
until [[ $(readlink "/proc/$pid/exe") == */sleep ]]; do sleep 0.01; done
ok "one under cr_run --omit cannot" not status 0 "$bin/cr_checkpoint" --nosync -f omitted "$pid"
ok "and nothing was written" test ! -e omitted
end_victim
finish_test
