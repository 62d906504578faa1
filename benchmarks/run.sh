#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# Builds the benchmark programs and measures. usage: run.sh STAGE [NAME...]
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
stage=$1
shift
build=$here/../build/benchmarks
mkdir -p "$build"
cc -O2 -Wall -Wextra -pthread -o "$build/subject" "$here/src/subject.c"
cc -O2 -Wall -Wextra -o "$build/tree" "$here/src/tree.c"
mpicc -O2 -Wall -Wextra -o "$build/pingpong" "$here/src/pingpong.c"
mpicc -O2 -Wall -Wextra -o "$build/ranks" "$here/src/ranks.c"
exec python3 "$here/bench.py" --stage "$stage" --build "$build" "$@"
