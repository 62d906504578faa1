# shellcheck shell=bash disable=SC2034 # variables are read by run.sh
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0

# A pipeline with full pipes: awk | sort | uniq | awk.
needs=(awk sort uniq sh)
job=(sh -c "awk 'BEGIN { x = 1; for (i = 0; i < 1500000; i++) { x = (x * 16807) % 2147483647; print x % 1000 } }' |
    sort -n --parallel=2 | uniq -c | awk '{ s += \$1 * \$2; print } END { print \"sum\", s }'")
