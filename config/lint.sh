#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# The checkers that need no build: layout of C, shell scripts, spelling.
set -euo pipefail

cd "$(dirname "$0")/.."
mapfile -t c_files < <(git ls-files 'native/*.c' 'native/*.h' 'examples/*.c' 'benchmarks/*.c' 'system-tests/*.c' \
    'slurm-plugin/*.c' 'slurm-plugin/*.h')
mapfile -t scripts < <(git ls-files '*.sh' '.ci/run' | xargs -r grep -lE '^#!.*(bash|/sh)')
if [[ ${#c_files[@]} -gt 0 ]]; then
    clang-format-16 --dry-run --Werror "${c_files[@]}"
fi
shellcheck "${scripts[@]}"
git ls-files '*.md' '*.c' '*.h' '*.java' '*.sh' '*.proto' | xargs codespell --ignore-words=config/spelling-exceptions.txt
echo "lint: ${#c_files[@]} C files, ${#scripts[@]} scripts: 0 findings"
