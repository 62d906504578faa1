# shellcheck shell=bash disable=SC2034 # variables are read by run.sh
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0

needs=(dash cksum)
setup() {
    cat >job.sh <<'END'
i=0
while [ $i -lt 900 ]; do
    i=$((i + 1))
    set -- $(echo "$i $i" | cksum)
    echo "$1" >> file
    [ $((i % 50)) -ne 0 ] || { cksum < file; }
done
END
}
job=(dash job.sh)
results=(out file)
