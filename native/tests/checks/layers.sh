#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# A layer sees only the layers that it names. usage: layers.sh CC SOURCE INCLUDE... ; succeeds if SOURCE compiles with just
# these include folders (separated by ';' or spaces).
set -euo pipefail

compiler=$1
source=$2
shift 2
flags=()
IFS='; ' read -r -a folders <<<"$*"
for folder in "${folders[@]}"; do
    flags+=("-I$folder")
done
"$compiler" -std=gnu17 -D_GNU_SOURCE -fsyntax-only "${flags[@]}" "$source"
