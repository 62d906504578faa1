#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# Four ranks exchange halos; the job is checkpointed, killed and restarted. usage: run.sh [NAME [N [STEPS]]]
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=../lib.sh
source "$here/../lib.sh"
name=${1:-heat}
n=${2:-400}
steps=${3:-30000}

step "build: mpicc heat.c"
mpicc -O2 -o "$work/heat" "$here/heat.c"
run_mpi_example "$name" 4 "^step 1000 " "$work/heat" "$n" "$steps" 1000
