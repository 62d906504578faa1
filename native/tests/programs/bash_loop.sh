# shellcheck shell=bash disable=SC2034 # variables are read by run.sh
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0

# Subshells, command substitution, process substitution, here documents, traps, arrays, background jobs.
needs=(bash cksum)
setup() {
    cat >job.bash <<'END'
total=0
trap 'echo exit $total' EXIT
for i in {1..120}; do
    a=($(seq 1 $((i % 7 + 2))))
    sum=$(for x in "${a[@]}"; do echo $((x * i)); done | paste -sd+ | bc)
    while read -r line; do total=$((total + line)); done < <(printf '%s\n' "$sum" $((i % 3)))
    crc=$(cksum <<<"$total $i" | cut -d' ' -f1)
    (exit $((i % 5))) & wait $! || total=$((total + $?))
    echo "$i $total $crc"
done
END
}
needs+=(bc paste)
job=(bash job.bash)
