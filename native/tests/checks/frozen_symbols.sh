#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# Frozen code runs while other threads are stopped, perhaps inside malloc: it may call only itself, the listed memory
# functions and nanopb. usage: frozen_symbols.sh [--allow FILE]... OBJECT... ; objects of the frozen layers, all of them.
set -euo pipefail

# What frozen code may take from outside: functions without locks, memory or state.
readonly OUTSIDE='^(memcpy|memset|memcmp|memmove|pb_[a-z0-9_]+|_GLOBAL_OFFSET_TABLE_|__start_[a-z_]+|__stop_[a-z_]+)$'

defined=$(mktemp)
trap 'rm -f "$defined"' EXIT
nm --defined-only --format=posix "$@" 2>/dev/null | awk 'NF >= 2 {print $1}' | sort -u >"$defined"

bad=0
for object in "$@"; do
    while read -r symbol; do
        if [[ ! $symbol =~ $OUTSIDE ]] && ! grep -qxF "$symbol" "$defined"; then
            echo "$(basename "$object"): frozen code calls $symbol, which frozen code may not: use cr_sys.h or the arena"
            bad=1
        fi
    done < <(nm --undefined-only --format=posix "$object" | awk '{print $1}')
done
exit "$bad"
