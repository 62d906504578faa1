# shellcheck shell=bash disable=SC2034 # variables are read by run.sh
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0

# Two hundred processes in a row, each passing on what it reads.
needs=(bash)
setup() {
    cat >job.bash <<'END'
chain() {
    if (($1 == 0)); then cat; else
        { local n=0 line; while read -r line; do n=$((n + 1)); echo "$((line + 1))"; done; } | chain $(($1 - 1))
    fi
}
seq 1 300 | chain 200
END
}
job=(bash job.bash)
