#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# Proves that a check bites: succeeds only if the command fails and says TEXT. usage: bites.sh TEXT COMMAND...
set -uo pipefail

text=$1
shift
output=$("$@" 2>&1)
status=$?
if [[ $status -eq 0 ]]; then
    echo "the planted violation was not noticed by: $*"
    exit 1
fi
if [[ $output != *"$text"* ]]; then
    echo "the check failed for another reason than '$text':"
    echo "$output"
    exit 1
fi
