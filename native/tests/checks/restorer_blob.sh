#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# The restorer runs where no libc is: no undefined symbol, no thread-local storage, no relocation left to a loader, no
# interpreter, no stack protector. usage: restorer_blob.sh RESTORER
set -euo pipefail

blob=$1
bad=0
complain() {
    echo "$(basename "$blob"): $1"
    bad=1
}
undefined=$(nm --undefined-only --format=posix "$blob" 2>/dev/null | awk '{print $1}' | grep -v '^_GLOBAL_OFFSET_TABLE_$' || true)
[[ -z $undefined ]] || complain "undefined symbols: $undefined"
readelf --wide --program-headers "$blob" | grep -q ' TLS ' && complain "has thread-local storage"
readelf --wide --program-headers "$blob" | grep -q ' INTERP ' && complain "has an interpreter"
relocations=$(readelf --wide --relocs "$blob" | grep -c 'R_X86_64_' || true)
[[ $relocations -eq 0 ]] || complain "$relocations relocations are left"
nm "$blob" 2>/dev/null | grep -q '__stack_chk' && complain "uses the stack protector"
exit "$bad"
