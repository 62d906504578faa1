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
for program in calls start busy ranks steps; do
    mpicc -O2 -Wall -Wextra -o "$build/$program" "$here/src/$program.c"
done
exec python3 "$here/bench.py" --stage "$stage" --build "$build" "$@"
