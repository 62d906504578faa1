#!/bin/bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# ends.sh CR_MPIRANK STUB_FOLDER PROGRAM: fatal errors, MPI_Abort, and the stub without cr_mpirank.
set -u
mpirank=$1 folder=$2 program=$3
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

fail() {
    echo "not ok - $1"
    cat "$work/out" "$work/err"
    bad=1
}

if timeout 60 mpirun -np 2 "$mpirank" "$program" > "$work/out" 2> "$work/err"; then
    fail "a fatal error ends with status 0"
fi
grep -q 'printed before the end' "$work/out" || fail "output before a fatal error is lost"
grep -q 'not reached' "$work/out" && fail "the program goes on after a fatal error"
grep -q 'MPI_Send' "$work/err" || fail "a fatal error does not name the call"

timeout 60 mpirun -np 2 "$mpirank" "$program" abort > "$work/out" 2> "$work/err"
[ $? -eq 42 ] || fail "MPI_Abort(42) does not end with 42"
grep -q 'printed before the end' "$work/out" || fail "output before MPI_Abort is lost"

LD_LIBRARY_PATH=$folder timeout 60 "$program" > "$work/out" 2> "$work/err"
[ $? -eq 98 ] || fail "the stub without cr_mpirank does not end with 98"
grep -q 'cr_mpirank' "$work/err" || fail "the stub does not say what is missing"

[ $bad -eq 0 ] && echo "ok - programs end as they do natively"
exit $bad
