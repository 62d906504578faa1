# shellcheck shell=bash disable=SC2034 # variables are read by run.sh
# SPDX-FileCopyrightText: The Quiesce Authors
# shellcheck disable=SC2016 # what is in quotes is for the program
# SPDX-License-Identifier: Apache-2.0

# A Go program of Debian (dynamically linked): fuzzy matching of many lines.
needs=(fzf)
setup() { seq 1 1500000 >lines; }
job=(sh -c 'for q in 123 "9 8 7" "^5 0$" 31415; do fzf -f "$q" --no-sort < lines | cksum; done')
