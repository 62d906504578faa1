#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# A file is at most 500 lines and a function at most 40 between its braces: what is longer holds a second thing.
# usage: sizes.sh FILE...
set -euo pipefail

awk '
    FNR == 1 { if (file != "" && lines > 500) report(file, 1, "file", lines, 500); file = FILENAME; inside = 0 }
    { lines = FNR }
    /^\{/ { inside = 1; start = FNR; name = previous }
    /^\}/ && inside { inside = 0; if (FNR - start - 1 > 40) report(FILENAME, start, "function", FNR - start - 1, 40) }
    /^[a-zA-Z_].*\(/ { previous = $0 }
    function report(f, at, what, have, may) { print f ":" at ": " what " of " have " lines, at most " may (what == "function" ? ": " name : ""); bad = 1 }
    END { if (lines > 500) report(file, 1, "file", lines, 500); exit bad }
' "$@"
