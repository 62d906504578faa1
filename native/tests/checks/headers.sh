#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# Every source names its author and licence in its first lines. usage: headers.sh FILE...
set -euo pipefail

bad=0
for file in "$@"; do
    if ! head -n 4 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0'; then
        echo "$file: no SPDX licence line in the first four lines"
        bad=1
    fi
done
exit "$bad"
