#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# The Fortran heat solver, checkpointed, killed and restarted. usage: run.sh [NAME [N [STEPS]]]
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=../lib.sh
source "$here/../lib.sh"
name=${1:-heat-fortran}
n=${2:-400}
steps=${3:-30000}

step "build: mpif90 heat.f90"
mpif90 -O2 -J "$work" -o "$work/heat" "$here/heat.f90"
run_mpi_example "$name" 4 "step 1000 " "$work/heat" "$n" "$steps" 1000
