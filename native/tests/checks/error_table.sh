#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# The table of error codes on the site is the list of the sources. usage: error_table.sh ERRORS.def PAGE.md
set -euo pipefail

rows=$(sed -n 's/^CR_ERROR(\([A-Z_]*\), \([0-9]*\), \([A-Z]*\), "\(.*\)")$/| \1 | \2 | \3 | \4 |/p' "$1")
if ! difference=$(diff <(echo "$rows") <(grep '^| CR_' "$2")); then
    echo "$2 does not show the errors of $1:"
    echo "$difference"
    exit 1
fi
