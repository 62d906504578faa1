#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# quiesce-openmpi links for a user and below a DESTDIR, never over something foreign, and takes its own links back.
# usage: quiesce_openmpi_test.sh QUIESCE-OPENMPI COMPONENT SHARE_OPENMPI
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
count=0
export HOME="$work/a home"
prefix="$work/destdir/opt/a place"
mkdir -p "$HOME" "$prefix/bin" "$prefix/lib/quiesce/openmpi" "$prefix/share"
cp "$1" "$prefix/bin/"
cp "$2" "$prefix/lib/quiesce/openmpi/"
cp -r "$3" "$prefix/share/"
command=$prefix/bin/quiesce-openmpi
link=$HOME/.openmpi/components/mca_schizo_quiesce.so
folder=$work/destdir$(ompi_info --path pkglibdir --parsable | sed 's/^path:pkglibdir://')
sets=$work/destdir$(ompi_info --path pkgdatadir --parsable | sed 's/^path:pkgdatadir://')/amca-param-sets

ok() {
    count=$((count + 1))
    if "${@:2}"; then echo "ok $count - $1"; else echo "not ok $count - $1"; exit 1; fi
}

fails_with() {
    local status=0
    "${@:2}" >"$work/out" 2>&1 || status=$?
    [[ $status == "$1" ]]
}

"$command" install >/dev/null
ok "a user's link leads to the component" cmp -s "$link" "$2"
ok "installing twice changes nothing" "$command" install
ok "status says so" grep -q "^linked .*mca_schizo_quiesce" <("$command" status)
"$command" uninstall >/dev/null
ok "uninstall leaves nothing" test ! -e "$HOME/.openmpi/components"
mkdir -p "${link%/*}"
echo foreign >"$link"
ok "a foreign file is not replaced" fails_with 1 "$command" install
ok "and named" grep -q "mca_schizo_quiesce.so exists" "$work/out"
"$command" uninstall
ok "nor removed" grep -q foreign "$link"

"$command" install --system --destdir "$work/destdir" >/dev/null
ok "a package's link leads to where the component will be" \
    test "$(readlink "$folder/mca_schizo_quiesce.so")" = "/opt/a place/lib/quiesce/openmpi/mca_schizo_quiesce.so"
ok "and its sets" test "$(readlink "$sets/ft-enable-cr")" = "/opt/a place/share/openmpi/amca-param-sets/ft-enable-cr"
"$command" uninstall --system --destdir "$work/destdir" >/dev/null
ok "they are taken back" test -z "$(find "$folder" "$sets" -mindepth 1)"
ok "a word that it does not know" fails_with 2 "$command" remove
rm "$prefix/lib/quiesce/openmpi/mca_schizo_quiesce.so"
ok "a build without the component" fails_with 1 "$command" install
echo "1..$count"
