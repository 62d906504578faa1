#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# The product of states on a cluster, as an ordinary user: each restart has other nodes, and another number of them.
# usage: QUIESCE_PRODUCT_NODES=1 nodes.sh BUILD MODE ARGUMENT...   (MODE of driver.py; arguments of `product`)
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cluster=$here/../../../../system-tests/cluster/cluster.sh
build=$(readlink -f "$1")
mode=$2
shift 2
if [[ -z ${QUIESCE_PRODUCT_NODES:-} ]]; then
    echo "1..0 # SKIP takes minutes; QUIESCE_PRODUCT_NODES=1 asks for it"
    exit 77
fi
work=$(mktemp -d)
trap '"$cluster" stop "$work" 2>/dev/null || true; rm -rf "$work"' EXIT
"$cluster" start "$work" --nodes 4 --slurm no --share "$build" --share "$here"
"$cluster" exec "$work" ctl --user alice env PYTHONDONTWRITEBYTECODE=1 \
    "QUIESCE_PRODUCT_SEED=${QUIESCE_PRODUCT_SEED:-1}" \
    /usr/bin/python3 "$here/driver.py" --stage "$build/stage" --proto "$build/tests/mpi/quiesce" -n 4 --timeout 2900 --skew 0.002 \
    --limit 30 --btl self,vader,tcp --mode "$mode" --nodes "n1:2,n2:2 n3:4 n1:1,n2:1,n4:2" \
    "$build/tests/mpi/quiesce/product" "$@"
