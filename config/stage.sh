#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# Lays the built product out below PREFIX: bin include lib libexec/quiesce share. Programs find each other relative to
# themselves, so the tree works from any PREFIX. Remembers what it put there for unstage.sh. usage: stage.sh PREFIX
set -euo pipefail

prefix=$1
root=$(cd "$(dirname "$0")/.." && pwd)
native=$root/native/build/release/stage
java=$root/mpi-coordinator/target/quiesce
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

manual_pages() {
    local page section
    for page in "$root"/site/man/*.[1-8].md; do
        [[ -e $page ]] || continue
        section=${page%.md}
        section=${section##*.}
        mkdir -p "$work/share/man/man$section"
        go-md2man -in "$page" -out "$work/share/man/man$section/$(basename "${page%.md}")"
    done
    for page in checkpoint restart; do
        ln -s "ompi-$page.1" "$work/share/man/man1/orte-$page.1"
    done
}

cp -a "$native/." "$work/"
cp -a "$java/." "$work/"
for name in {ompi,orte}-{checkpoint,restart,migrate}; do
    ln -s quiesce "$work/bin/$name"
done
mkdir -p "$work/include/quiesce" "$work/share/doc/quiesce"
cp "$root"/native/include/*.h "$work/include/"
cp "$root"/native/include/quiesce/*.h "$work/include/quiesce/"
cp "$root"/README.md "$root"/LICENSE "$root"/CHANGELOG.md "$work/share/doc/quiesce/"
mkdir -p "$work/share/quiesce" "$work/share/bash-completion/completions"
cp "$root/native/share/magic" "$work/share/quiesce/"
for name in cr_run cr_checkpoint cr_restart cr_info; do
    cp "$root/native/share/completion.bash" "$work/share/bash-completion/completions/$name"
done
if command -v go-md2man >/dev/null; then
    manual_pages
fi
(cd "$work" && find . -type f -o -type l | sed 's|^\./||' | LC_ALL=C sort) >"$work/share/quiesce/installed-files"
echo lib/quiesce/java/quiesce.jsa >>"$work/share/quiesce/installed-files"
mkdir -p "$prefix"
chmod 755 "$work"
cp -a --no-preserve=ownership "$work/." "$prefix/"

# Commands start in half the time from an archive of their classes. Java ignores one that does not fit, so a failure is none.
"$prefix/bin/quiesce" --make-archive >/dev/null 2>&1 || true
