#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# Scenarios at random moments. usage: soak.sh BUILD RUNS [SEED [JOBS]]
# Each run takes a scenario, a user and a place by the seed, and kills and restarts it one to four times. A failure is printed with
# what repeats it.
set -euo pipefail

build=$1
runs=$2
seed=${3:-$RANDOM}
jobs=${4:-4}
here=$(cd "$(dirname "$0")" && pwd)
out=$(mktemp -d "${TMPDIR:-/tmp}/quiesce-soak.XXXXXX")
trap 'rm -rf "$out"' EXIT
programs=()
for source in "$here"/sc_*.c; do
    grep -q 'refused: ' <(head -c 1500 "$source") || programs+=("$(basename "$source" .c)")
done

one() {
    local number=$1 name who=root place=alone needs status=0
    RANDOM=$((seed + number))
    name=${programs[$((RANDOM % ${#programs[@]}))]}
    needs=$(head -c 1500 "$here/$name.c" | grep -o 'needs: [^*]*' || true)
    [[ $needs == *root* ]] || ((RANDOM % 2)) || who=user
    [[ $needs == *alone* ]] || ((RANDOM % 2)) || place=tree
    local command=("$here/run.sh" "$build/stage/bin" "random:$((RANDOM * 32768 + RANDOM))" "$who" "$place"
        "$build/tests/scenarios/$name" "$build/tests/scenarios/scenario_tree")
    timeout 180 "${command[@]}" >"$out/$number" 2>&1 || status=$?
    case $status in
    0 | 77) ;;
    *)
        { echo "# repeat with: ${command[*]}" && cat "$out/$number"; } >"$out/failed-$number"
        ;;
    esac
}

running=0
for ((i = 1; i <= runs; i++)); do
    one "$i" &
    running=$((running + 1))
    ((running < jobs)) || { wait -n && running=$((running - 1)); }
done
wait
failed=("$out"/failed-*)
if [[ -e ${failed[0]} ]]; then
    cat "${failed[@]}"
    echo "not ok 1 - ${#failed[@]} of $runs random runs failed (seed $seed)"
    echo "1..1"
    exit 1
fi
echo "ok 1 - $runs random runs of ${#programs[@]} scenarios (seed $seed, $(grep -l SKIP "$out"/* | wc -l) skipped)"
echo "1..1"
