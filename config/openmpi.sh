#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# Lets Open MPI find an installation, or takes that back. usage: openmpi.sh install|uninstall DESTDIR PREFIX WHOSE
# WHOSE: system, user, none, or auto: for all users when PREFIX is the system's, for the user otherwise, and never for the user
# when DESTDIR says that a package is being made.
set -euo pipefail

what=$1
destdir=$2
prefix=$3
whose=$4
command=$destdir$prefix/bin/quiesce-openmpi

[[ -x $command ]] || exit 0
if [[ $what == uninstall ]]; then
    [[ -n $destdir ]] || "$command" uninstall || true
    "$command" uninstall --system --destdir "$destdir" || true
    exit 0
fi
if [[ $whose == auto ]]; then
    whose=user
    [[ -z $destdir ]] || whose=none
    if [[ $prefix == /usr || $prefix == /usr/local ]] && [[ -n $destdir || $(id -u) == 0 ]]; then
        whose=system
    fi
fi
if [[ $whose != none && ! -e $destdir$prefix/lib/quiesce/openmpi/mca_schizo_quiesce.so ]]; then
    echo "mpirun -am ft-enable-cr is left out: the component was not built"
    exit 0
fi
case $whose in
    none) ;;
    user) "$command" install ;;
    system) "$command" install --system --destdir "$destdir" ;;
    *) echo "OPENMPI=$whose: system, user, none or auto" >&2; exit 2 ;;
esac
