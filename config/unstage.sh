#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# Removes what stage.sh put below PREFIX, and folders that are empty then. usage: unstage.sh PREFIX
set -euo pipefail

prefix=$1
list=$prefix/share/quiesce/installed-files
if [[ ! -r $list ]]; then
    echo "uninstall: $list is missing; nothing of Quiesce is installed below $prefix" >&2
    exit 1
fi
while read -r file; do
    rm -f "$prefix/$file"
    rmdir -p --ignore-fail-on-non-empty "$(dirname "$prefix/$file")" 2>/dev/null || true
done < <(cat "$list"; echo share/quiesce/installed-files)
