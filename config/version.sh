#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# Prints the project's version: that of the parent pom.
set -euo pipefail

sed -n '/<artifactId>quiesce<\/artifactId>/,/<\/version>/s/.*<version>\(.*\)<\/version>.*/\1/p' \
    "$(dirname "$0")/../pom.xml" | head -n 1
