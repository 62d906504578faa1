#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# Runs a program that checkpoints itself into the file named as its argument, then restarts it from there: both say in TAP
# what they saw; if there is no such file, that was all. usage: api.sh BIN PROGRAM [WORDS...]
# With API_USER=1 in the environment, root runs both as an ordinary user.
set -euo pipefail

# shellcheck source=SCRIPTDIR/../../support/descriptors.sh
source "$(dirname "$0")/../../support/descriptors.sh"

bin=$1
program=$2
shift 2
dir=$(mktemp -d "${TMPDIR:-/tmp}/quiesce-api.XXXXXX")
trap 'rm -rf "$dir"' EXIT
user=()
if [[ -n ${API_USER-} ]]; then
    [[ $EUID -eq 0 ]] || { echo "1..0 # SKIP only root can be another user"; exit 77; }
    chown 65534:65534 "$dir"
    user=(setpriv --reuid 65534 --regid 65534 --clear-groups)
fi

(cd "$dir" && without_descriptors timeout -k 1 60 "${user[@]}" "$program" "$dir/image" "$@") </dev/null
[[ -e $dir/image ]] || exit 0
echo "# restart"
(cd "$dir" && without_descriptors timeout -k 1 60 "${user[@]}" "$bin/cr_restart" "$dir/image") </dev/null
