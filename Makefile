# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0

# The front door. `make demo` shows the main job, `make check` runs every test; both install missing Debian packages when
# run as root and name them otherwise. No other step is needed.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

PREFIX ?= /usr/local
DESTDIR ?=
OPENMPI ?= auto
BENCH ?=
JOBS ?= $(shell nproc)
BUILD := native/build/release
STAGE := $(CURDIR)/build/stage
MVN := mvn -B -q

# What a build and a run need beyond a Debian 12 with nothing installed.
PACKAGES := build-essential cmake ninja-build maven openjdk-17-jdk-headless gfortran openmpi-bin libopenmpi-dev \
    nanopb libnanopb-dev protobuf-compiler python3 python3-protobuf libxxhash-dev nettle-dev gdb binutils \
    clang-16 clang-format-16 libclang-rt-16-dev shellcheck codespell go-md2man procps util-linux iproute2 \
    libslurm-dev
# The programs that the tests checkpoint.
TEST_PACKAGES := bc gawk sqlite3 redis-server nginx-light vim fzf python3-mpi4py lammps hpcc scalapack-mpi-test \
    slurmctld slurmd slurm-client munge
CLUSTER := system-tests/cluster/cluster.sh

.PHONY: help demo check check-fast build install uninstall bench site deps test-deps clean lint cluster cluster-stop

help:
	@echo 'make demo      set up, build, and show a job checkpointed, killed and restarted'
	@echo 'make check     set up, build, and run every test'
	@echo 'make check-fast  the tests that take less than five minutes together'
	@echo 'make cluster   start a small cluster with Slurm on this machine, to try Quiesce; make cluster-stop ends it'
	@echo 'make bench     measure; BENCH=name for one'
	@echo 'make install   PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)'
	@echo '               OPENMPI=$(OPENMPI): for whom mpirun -am ft-enable-cr is set up: system, user, none or auto'
	@echo 'make uninstall, make site, make clean'

deps:
	@./config/install-packages.sh $(PACKAGES)

test-deps: deps
	@./config/install-packages.sh $(TEST_PACKAGES)

# The native programs, the jars and the manual pages, laid out as they are installed.
build: deps | build/.keep
	cmake --preset release -S native -DQUIESCE_VERSION=$$(./config/version.sh) >build/cmake.log 2>&1 || { cat build/cmake.log; exit 1; }
	cmake --build native/build/release -j $(JOBS) -- --quiet
	$(MVN) package -DskipTests -DskipNative -DskipChecks
	./config/stage.sh '$(STAGE)'

demo: build
	@./examples/heat/run.sh demo

# The matrix and the programs mostly wait, so several run at once; the others have deadlines and run alone.
check: test-deps build lint build/mpi.jar
	ctest --test-dir $(BUILD) --output-on-failure --no-tests=error -j 1 -LE 'matrix|program'
	ctest --test-dir $(BUILD) --output-on-failure --no-tests=error -j $$((2 * $(JOBS))) -L 'matrix|program'
	mvn -B verify -DskipNative -Dquiesce.stage='$(STAGE)'

check-fast: test-deps build lint
	ctest --test-dir $(BUILD) --output-on-failure --no-tests=error -j $(JOBS) -LE 'slow|matrix'
	mvn -B verify -DskipNative -Dquiesce.stage='$(STAGE)' -DexcludedGroups=slow

lint:
	./config/lint.sh

bench: build
	@./benchmarks/run.sh '$(STAGE)' $(BENCH)

# Three nodes with Slurm and its plugin; as root only. Says what to type next.
cluster: test-deps build
	@$(CLUSTER) start build/cluster --nodes 3 --product '$(STAGE)' --plugstack system-tests/cluster/plugstack.conf
	@cp examples/heat/heat.c build/cluster/home/alice/
	@$(CLUSTER) exec build/cluster ctl --user alice mpicc -O2 -o heat heat.c
	@echo "A shell of alice's on the login node:   $(CLUSTER) exec build/cluster ctl --user alice bash"
	@echo 'There:   srun --mpi=pmix -N3 -n6 ./heat 400 5000 1000'
	@echo '         mpirun --host n1:2,n2:2 ./heat 400 5000 1000'
	@echo 'A checkpoint every 5 seconds:           srun --mpi=pmix -N3 -n6 --checkpoint=0:05 --checkpoint-dir=ckpt ./heat 400 1000000 1000'
	@echo 'After ^C, or from another shell, scancel:  quiesce list ckpt'
	@echo '         srun --mpi=pmix -N3 -n6 --restart-dir=ckpt ./heat 400 1000000 1000'
	@echo 'The end: make cluster-stop'

cluster-stop:
	@$(CLUSTER) stop build/cluster

install: build
	./config/stage.sh '$(DESTDIR)$(abspath $(PREFIX))'
	./config/openmpi.sh install '$(DESTDIR)' '$(abspath $(PREFIX))' '$(OPENMPI)'

uninstall:
	./config/openmpi.sh uninstall '$(DESTDIR)' '$(abspath $(PREFIX))' '$(OPENMPI)'
	./config/unstage.sh '$(DESTDIR)$(abspath $(PREFIX))'

site:
	cd site && npm ci --no-audit --no-fund && npm run build

clean:
	rm -rf build native/build */target

# For the test of Open MPI's Java bindings, which is skipped without it.
build/mpi.jar: | deps build/.keep
	@./config/mpi-jar.sh $@ || echo 'mpi.jar could not be built' >&2

build/.keep:
	@mkdir -p build && touch $@
