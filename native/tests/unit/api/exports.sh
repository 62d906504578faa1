#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# The functions that libcr.h declares are those that libcr.so exports, libcr_run.so and libcr_omit.so have none of them, and
# the tests call each; the page of the site names each. usage: exports.sh LIB INCLUDE MAP PAGE
# shellcheck disable=SC2317 # called by ok()
set -euo pipefail

lib=$1
header=$2/libcr.h
map=$3
page=$4
here=$(cd "$(dirname "$0")" && pwd)
count=0
bad=0

ok() { # TEXT COMMAND...
    local text=$1
    shift
    count=$((count + 1))
    if "$@"; then
        echo "ok $count - $text"
    else
        echo "not ok $count - $text"
        bad=1
    fi
}

exports() { nm -D --defined-only --format=posix "$lib/$1" | awk '$2 == "T" || $2 == "D" || $2 == "B" {print $1}' | sort; }

# Declarations stand at the beginning of a line, without a body.
declared=$(grep -oE '^(const )?[a-z_ ]+[ *]+\**cri?_[a-z_]+\(' "$header" | grep -v typedef | grep -oE 'cri?_[a-z_]+\(' | tr -d '(' | sort -u)
listed=$(grep -v '^/\*' "$map" | tr -d ';' | sort)
exported=$(exports libcr.so.0)

none_missing() { # LIST OTHERS: every line of LIST is in OTHERS
    local missing
    missing=$(comm -23 <(echo "$1") <(echo "$2"))
    [[ -z $missing ]] || { echo "# missing: $missing"; return 1; }
}

none_in_common() {
    local both
    both=$(comm -12 <(echo "$1") <(echo "$2"))
    [[ -z $both ]] || { echo "# in both: $both"; return 1; }
}

# Macros stand for the functions behind them in sources.
called() { grep -hoE '\bcri?_[a-z_]+' "$here"/*.c "$here"/*.cpp | sed 's/^cr_initialize_/cri_init_/' | sort -u; }

ok "libcr.map lists what libcr.h declares" none_missing "$declared" "$listed"
ok "and nothing else" none_missing "$listed" "$declared"
ok "libcr.so exports all of it" none_missing "$declared" "$exported"
ok "libcr.so has its name to be linked by" none_missing cr_link_me "$exported"
ok "libcr_run.so exports none of it" none_in_common "$declared" "$(exports libcr_run.so.0)"
ok "but its name" none_missing cr_run_link_me "$(exports libcr_run.so.0)"
ok "libcr_omit.so exports none of it" none_in_common "$declared" "$(exports libcr_omit.so.0)"
ok "but its name" none_missing cr_omit_link_me "$(exports libcr_omit.so.0)"
# shellcheck disable=SC2016 # the page's own backquotes
named() { grep -oE '`cri?_[a-z_]+`' "$page" | tr -d '`' | sed 's/^cr_initialize_/cri_init_/' | sort -u; }
ok "the site's page names each" none_missing "$declared" "$(named)"
ok "each function has a test" none_missing "$declared" "$(called)"
echo "1..$count"
exit "$bad"
