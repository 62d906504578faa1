#!/bin/bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# compare.sh CR_MPIRANK RANKS PROGRAM: runs PROGRAM with the machine's MPI and on the stub; the lines printed must be the same.
set -u
mpirank=$1 ranks=$2 program=$3
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_btl=vader,self
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

timeout 60 mpirun -np "$ranks" "$program" "$work/file" > "$work/native" 2> "$work/native.err"
native=$?
timeout 60 mpirun -np "$ranks" "$mpirank" "$program" "$work/file" > "$work/stub" 2> "$work/stub.err"
stub=$?
if [ "$native" -ne "$stub" ]; then
    echo "not ok - exit status $native natively, $stub on the stub"
    cat "$work/native.err" "$work/stub.err"
    exit 1
fi
sort "$work/native" > "$work/native.sorted"
sort "$work/stub" > "$work/stub.sorted"
if ! diff "$work/native.sorted" "$work/stub.sorted"; then
    echo "not ok - the lines differ (< native, > stub)"
    exit 1
fi
if [ ! -s "$work/native" ]; then
    echo "not ok - nothing was printed"
    exit 1
fi
echo "ok - $(wc -l < "$work/native") lines are the same with $ranks ranks"
