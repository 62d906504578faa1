#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# Builds mpi.jar, the Java half of Open MPI's Java bindings, which Debian does not package, from the source of the packages that are
# installed. Needs no rights, and leaves the machine's package sources as they are. usage: mpi-jar.sh JAR
set -euo pipefail

jar=$(realpath -m "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/classes"
version=$(dpkg-query -W -f '${source:Version}' libopenmpi3)
read -r address place < <(apt-cache policy libopenmpi3 | awk '$2 ~ /^https?:/ { print $2, $3; exit }')
echo "deb-src $address ${place%%/*} ${place#*/}" >"$work/sources.list"

from_source() {
    apt-get -qq -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=- -o Dir::State::Lists="$work/lists" \
        -o Dir::Cache="$work/cache" -o APT::Sandbox::User="$(id -un)" -o Debug::NoLocking=1 "$@"
}

cd "$work"
from_source update
from_source source --download-only "openmpi=$version"
tar -xf openmpi_*.orig.tar.* --wildcards --strip-components=1 '*/ompi/mpi/java/java/*.java'
javac -nowarn -Xlint:none -d classes ompi/mpi/java/java/*.java
jar --create --file "$jar" -C classes .
