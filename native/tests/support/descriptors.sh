# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash

# Runs COMMAND in place of this shell. Descriptors that the test driver left open are no part of what is tested.
without_descriptors() { # COMMAND...
    local fd
    for fd in /proc/self/fd/*; do
        fd=${fd##*/}
        ((fd <= 2)) || eval "exec $fd>&-" 2>/dev/null || true
    done
    exec "$@"
}
