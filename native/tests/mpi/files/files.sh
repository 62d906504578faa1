#!/bin/bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# files.sh RANKS "PROGRAM ARGUMENT" DRIVER ARGUMENTS...: runs PROGRAM FOLDER ARGUMENT natively, and with checkpoints by the driver;
# both folders must then hold the same files.
set -u
ranks=$1
read -r program arguments <<< "$2"
shift 2
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_btl=vader,self
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/native" "$work/quiesce"

timeout 120 mpirun -np "$ranks" "$program" "$work/native" ${arguments:+"$arguments"} < /dev/null > "$work/output" 2>&1 || {
    echo "not ok - natively: status $?"
    cat "$work/output"
    exit 1
}
"$@" -n "$ranks" "$program" "$work/quiesce" ${arguments:+"$arguments"} || exit 1
if ! diff -r "$work/native" "$work/quiesce" > "$work/differences"; then
    echo "not ok - the files differ (< undisturbed, > with checkpoints)"
    head -60 "$work/differences"
    exit 1
fi
echo "ok - $(find "$work/native" -type f | wc -l) files are the same"
