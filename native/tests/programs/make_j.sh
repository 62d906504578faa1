# shellcheck shell=bash disable=SC2034 # variables are read by run.sh
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0

needs=(make awk)
setup() {
    cat >Makefile <<'END'
all: $(foreach i,$(shell seq 1 90),t$(i))
	@cat $(sort $^) | cksum
t%:
	@awk 'BEGIN { x = $*; for (i = 0; i < 200000; i++) x = (x * 16807) % 2147483647; print "$*", x }' > $@.tmp && mv $@.tmp $@
END
}
# A make that was started by another one, `make check`, names its directory, which differs from the reference's.
settings=(-u MAKELEVEL -u MAKEFLAGS)
job=(make -j4 all)
