#!/bin/bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
# restart.sh CR_MPIRANK LOWER_RANK LOWER_ROUND: two ranks are saved, killed and restarted, over both transports; saved again and restarted.
rank=$1
program=$2
round=$3
work=$(mktemp -d) || exit 1
export QUIESCE_HOME=$work/home OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
pids=()
count=0
failures=0

finish() {
    kill "${pids[@]}" 2> /dev/null
    rm -rf "$work"
}
trap finish EXIT

ok() {
    count=$((count + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $count - $2"
    else
        echo "not ok $count - $2"
        failures=$((failures + 1))
    fi
}

launch() { # TRANSPORT OUT ARGUMENT...
    local transport=$1 out=$2
    shift 2
    timeout 100 mpirun --oversubscribe -np 2 --mca btl "$transport,self" "$rank" "$@" > "$work/$out" 2>&1 &
    pids+=($!)
    last=$!
}

await() { # FILE...
    local i
    for ((i = 0; i < 300; i++)); do
        [ -s "$1" ] && [ -s "$2" ] && return 0
        sleep 0.1
    done
    return 1
}

result() { # OUT NUMBER TEXT
    [ "$(grep -c "restarted $2, sum is fine, done" "$work/$1")" = 2 ] && ! grep -q wrong "$work/$1"
    ok $? "$3"
    [ "$(grep -c "done" "$work/$1")" = 2 ] || sed 's/^/# /' "$work/$1"
}

mkdir "$work/1" "$work/2" "$work/run"
launch vader first "$program" "$work/run"
await "$work/run/ready-0" "$work/run/ready-1"
ok $? 'two ranks come up'
"$round" "$work/1" "$(cat "$work/run/ready-0")" "$(cat "$work/run/ready-1")" 2> "$work/round"
ok $? 'they are saved and killed'
sed 's/^/# /' "$work/round"
wait $last
[ -s "$work/1/rank-0.cr" ] && [ -s "$work/1/rank-1.cr" ]
ok $? 'an image of each is there'

touch "$work/run/go"
for transport in vader tcp vader; do
    launch $transport "again-$transport" --restore "$work/1"
    wait $last
    ok $? "a restart over $transport"
    result "again-$transport" 1 'everything is as it was, and MPI works'
done

rm "$work/run/go"
launch vader second --restore "$work/1"
for ((i = 0; i < 100; i++)); do
    restored=()
    for pid in $(pgrep -P "$(pgrep -P $last)"); do
        grep -q '^cr-agent$' /proc/"$pid"/task/*/comm 2> /dev/null && restored+=("$pid")
    done
    [ ${#restored[@]} -eq 2 ] && break
    sleep 0.1
done
"$round" "$work/2" "${restored[@]}" 2> "$work/round"
ok $? 'a restarted job is saved again'
sed 's/^/# /' "$work/round"
wait $last
touch "$work/run/go"
launch tcp third --restore "$work/2"
wait $last
ok $? 'and restarted from that'
result third 1 'everything is still as it was'

timeout 60 mpirun --oversubscribe -np 3 "$rank" --restore "$work/1" > "$work/three" 2>&1
[ $? -eq 8 ] && grep -q 'job of 2 ranks, but this job has 3' "$work/three"
ok $? 'another number of ranks is refused'
timeout 60 mpirun --oversubscribe -np 2 "$rank" --restore "$work/3" > "$work/none" 2>&1
[ $? -eq 7 ]
ok $? 'a missing image is said to be missing'
echo "1..$count"
[ $failures -eq 0 ]
