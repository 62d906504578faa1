#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# Compiles api_cxx.cpp with all warnings and runs it as api.sh does. usage: cxx.sh BIN LIB INCLUDE
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
command -v c++ >/dev/null || { echo "1..0 # SKIP no C++ compiler"; exit 77; }
program=$(mktemp "${TMPDIR:-/tmp}/quiesce-cxx.XXXXXX")
trap 'rm -f "$program"' EXIT
c++ -std=c++17 -Wall -Wextra -Werror -I"$3" -o "$program" "$here/api_cxx.cpp" -L"$2" -lcr -pthread -Wl,-rpath,"$2"
"$here/api.sh" "$1" "$program"
