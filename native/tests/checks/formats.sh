#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# Field numbers are append-only: every field listed in the table of the last release must still stand in the schema with
# the same number and type. usage: formats.sh TABLE SCHEMA...   or   formats.sh --print SCHEMA... to write a new table
set -euo pipefail

list_fields() {
    awk '
        FNR == 1 { depth = 0 }
        { sub(/\/\/.*/, "") }
        /^(message|enum) / { owner = $2 }
        {
            line = $0
            while (match(line, /(repeated +)?[A-Za-z_][A-Za-z0-9_.]* +[a-z_][a-z0-9_]* *= *[0-9]+ *;|[A-Z][A-Z0-9_]* *= *[0-9]+ *;/)) {
                field = substr(line, RSTART, RLENGTH); line = substr(line, RSTART + RLENGTH)
                gsub(/ +/, " ", field); gsub(/ ?= ?/, "=", field); gsub(/ ?;/, "", field)
                print FILENAME_BASE(FILENAME) " " owner " " field
            }
        }
        function FILENAME_BASE(f) { sub(/.*\//, "", f); return f }
    ' "$@" | sort
}

if [[ $1 == --print ]]; then
    shift
    list_fields "$@"
    exit 0
fi
table=$1
shift
gone=$(comm -23 <(sort "$table") <(list_fields "$@"))
if [[ -n $gone ]]; then
    echo "fields of the released format have changed or gone (append new ones, reserve old ones):"
    echo "$gone"
    exit 1
fi
