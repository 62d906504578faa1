#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# Runs COMMAND as in a container: in a pid namespace that has neither its group nor its session. usage: outside.sh COMMAND...
set -euo pipefail

unshare --pid --fork true 2>/dev/null || { echo "1..0 # SKIP needs a pid namespace" && exit 77; }
# The first process of the namespace reaps those whom COMMAND leaves.
exec unshare --pid --fork --mount-proc --kill-child bash -c '"$@"; exit $?' outside "$@"
