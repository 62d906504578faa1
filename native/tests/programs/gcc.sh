# shellcheck shell=bash disable=SC2034 # variables are read by run.sh
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0

needs=(gcc awk)
setup() {
    awk 'BEGIN { print "#include <stdio.h>"; for (i = 0; i < 300; i++) printf "int f%d(int a, int b) { int s = 0; for (int i = 0; i < a; i++) s += (i * %d) ^ b; switch (s %% 5) { case 0: return s; case 1: return s * a; default: return b - s; } }\n", i, i; print "int main(void) { unsigned s = 0;"; for (i = 0; i < 300; i++) printf "s += (unsigned)f%d(%d, %d);\n", i, i % 50, i % 11; print "printf(\"%u\\n\", s); return 0; }" }' >big.c
}
job=(sh -c 'gcc -O2 -frandom-seed=1 -o big big.c && ./big')
results=(out big)
