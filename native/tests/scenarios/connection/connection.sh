#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# TCP connections to a process outside the image, with data in both directions that nobody has read: kept, reset, refused.
# Prints TAP. usage: connection.sh BIN CONNECTION root|user
# shellcheck disable=SC2317 # called by ok()
set -uo pipefail

# shellcheck source=native/tests/scenarios/commands/support.sh
source "$(dirname "${BASH_SOURCE[0]}")/../commands/support.sh"
connection=$2
who=$3
server=
as=()
if [[ $who == user && $(id -u) -eq 0 ]]; then
    command -v setpriv >/dev/null || { echo "1..0 # SKIP needs setpriv" && exit 77; }
    as=(setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all)
fi
chmod 1777 "$dir"

# connects VERSION [COMMAND...]: server and client, which are stuck with what they have to say
connects() {
    local version=$1
    shift
    rm -f server-go client-go image out server.out
    : >out
    chmod 666 out
    "$connection" server "$version" </dev/null >server.out 2>&1 &
    server=$!
    await server.out port || return 1
    (without_descriptors "${as[@]}" "$@" "$bin/cr_run" "$connection" client "$(awk '{ print $2 }' server.out)" "$version") </dev/null >>out 2>&1 &
    pid=$!
    await out ready && await server.out sent && ! grep -q "16000000 of" out
}

saves() { "${as[@]}" "$bin/cr_checkpoint" --nosync --kill --tcp=restore -f "$dir/image" "$pid" </dev/null >words 2>err; }

# Its process is gone, and the server has not noticed.
is_saved() { saves && not_running "$pid" && kill -0 "$server"; }

not_running() {
    local i
    for ((i = 0; i < 500; i++)); do
        [[ -d /proc/$1 ]] && ! grep -q '^State:.[ZX]' "/proc/$1/status" 2>/dev/null || return 0
        sleep 0.02
    done
    return 1
}

# restarts OPTION...: in the background; the program runs when its agent is there again
restarts() {
    local i child
    (without_descriptors "${as[@]}" "$bin/cr_restart" "$@" image) </dev/null >>out 2>&1 &
    restarter=$!
    for ((i = 0; i < 1500; i++)); do
        child=$(cat "/proc/$restarter/task/$restarter/children" 2>/dev/null)
        pid=${child%% *}
        [[ -z $pid ]] || ! grep -qsx cr-agent "/proc/$pid"/task/*/comm || return 0
        [[ -d /proc/$restarter ]] || return 1
        sleep 0.02
    done
    return 1
}

both_end_well() {
    touch server-go client-go
    await out '^ok' && await server.out '^ok'
}

ends_with_reset() {
    touch client-go
    await out '^reset'
}

# Also whoever keeps a connection that nobody wants any more.
forget() {
    local keeper
    for keeper in $(pgrep -x cr_keeper); do
        ! grep -qs "$dir" "/proc/$keeper/cmdline" || kill "$keeper"
    done
    kill -KILL "$server" "$pid" 2>/dev/null
    wait "$server" 2>/dev/null
    pid=
}

for version in 4 6; do
    ok "IPv$version: both are stuck" connects $version
    ok "IPv$version: saved and killed without a word" is_saved
    ok "IPv$version: restarts" restarts
    ok "IPv$version: saved again" is_saved
    ok "IPv$version: restarts again" restarts --tcp=restore
    ok "IPv$version: nothing is lost" both_end_well
    ok "IPv$version: a connection lives on once" status 51 "${as[@]}" "$bin/cr_restart" image
    ok "IPv$version: it says so" says "nobody keeps the TCP connection"
    forget
done

ok "both are stuck" connects 4
ok "saved" is_saved
touch server-go
ok "the server hears what is on its way meanwhile" await server.out '^heard'
ok "restarts" restarts
ok "nothing is lost" both_end_well
forget

ok "both are stuck" connects 4
ok "--tcp=restore without --kill is a usage error" \
    status 255 "$bin/cr_checkpoint" --tcp=restore -f image "$pid"
ok "it says why" says "needs --kill"
ok "a dry run changes nothing" \
    status 0 "${as[@]}" "$bin/cr_checkpoint" --dry-run --kill --tcp=restore "$pid"
ok "the program goes on" both_end_well
forget

ok "both are stuck" connects 4 env CR_FAULT=dump:after-copy=fail
ok "the checkpoint fails" not saves
ok "the program goes on" both_end_well
forget

ok "both are stuck" connects 4
ok "saved" is_saved
ok "--tcp=error refuses" status 51 "${as[@]}" "$bin/cr_restart" --tcp=error image
ok "--tcp=close restarts" restarts --tcp=close
ok "the program sees a reset" ends_with_reset
touch server-go
ok "the server, too" await server.out '^reset'
forget

ok "both are stuck" connects 4
ok "saved with --tcp=close" "${as[@]}" "$bin/cr_checkpoint" --nosync --kill --tcp=close -f image "$pid"
ok "cannot be kept afterwards" status 51 "${as[@]}" "$bin/cr_restart" --tcp=restore image
ok "it says why" says "was not saved with cr_checkpoint --tcp=restore"
forget

echo "1..$count"
exit $bad
