#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# usage: random.sh COUNT SEED [options of programs.py]
#
# Plays COUNT random MPI programs, those with the seeds SEED, SEED + 1, ..., with checkpoints, kills and restarts. The output of
# what fails is kept in $QUIESCE_BUILD/random-failures. "random.sh 1 SEED" plays one of them again; with
# QUIESCE_RANDOM_TRACE=1 the ranks say what they do. QUIESCE_BUILD is the build folder.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
build=${QUIESCE_BUILD:-$here/../../../build/release}
count=${1:?how many programs}
seed=${2:?the first seed}
shift 2
exec /usr/bin/python3 "$here/programs.py" --stage "$build/stage" --proto "$build/tests/mpi/random" --jobs "$(nproc)" \
    --keep "$build/random-failures" "$@" "$build/tests/mpi/random/random" "$count" "$seed"
