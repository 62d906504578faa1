#!/usr/bin/python3
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
"""Restarts environment.c twice, each time by a launcher with other variables, other streams and, where that is permitted, another
name of the host, and compares what the program and its children have seen with what each launcher gave.

usage: environment.py STAGE PROTO PROGRAM
"""
import os
import subprocess
import sys

RANKS = 2
LAUNCHES = 3
LAUNCHERS = ("OMPI_", "PMIX_", "PMI_", "SLURM_")
# Written down before the rank begins: what its launcher has given to it.
RECORD = 'env >"$QUIESCE_TEST_DIR/given-$LAUNCH-$OMPI_COMM_WORLD_RANK"; exec "$@"'


def may_rename():
    return subprocess.run(["unshare", "--uts", "hostname", "elsewhere"], stdin=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, check=False).returncode == 0


def job_class(driver, rename):
    class Job(driver.Job):
        """With files of its own for each launch."""

        def launch(self, words):
            number, self.launches = self.launches, self.launches + 1
            env = dict(os.environ, QUIESCE_TEST_DIR=self.folder, QUIESCE_HOME=self.folder + "/home", LAUNCH=str(number),
                       OMPI_MCA_pml="ob1", OMPI_MCA_btl="self,vader", OMPI_MCA_rmaps_base_oversubscribe="1",
                       OMPI_MCA_odls_base_sigkill_timeout="0", **{f"SLURM_LAUNCH_{number}": "here", "SLURM_ALL": str(number)})
            env.pop("QUIESCE_JOB_DIR", None)
            with open(f"{self.folder}/in-{number}", "w") as f:
                f.write(f"line {number}\n")
            name = ["unshare", "--uts", "sh", "-c", f'hostname host{number}; exec "$@"', "sh"] if rename else []
            with open(f"{self.folder}/in-{number}") as given, open(f"{self.folder}/out-{number}", "w") as out, \
                    open(f"{self.folder}/err-{number}", "w") as err:
                self.process = subprocess.Popen(
                    [*name, "mpirun", "--allow-run-as-root", "--oversubscribe", "-np", str(self.a.n), "sh", "-c", RECORD, "sh",
                     self.a.stage + "/libexec/quiesce/cr_mpirank", *words], env=env, stdin=given, stdout=out, stderr=err)

    return Job


class Wrong(Exception):
    pass


def variables(path):
    with open(path, errors="replace") as f:
        pairs = [line.rstrip("\n").split("=", 1) for line in f if line.startswith(LAUNCHERS)]
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


def expect(what, found, wanted):
    if found != wanted:
        lacks = {k: v for k, v in wanted.items() if found.get(k) != v}
        more = {k: v for k, v in found.items() if wanted.get(k) != v}
        raise Wrong(f"{what}: lacks {lacks}, has {more}")


def check_variables(folder):
    for launch in range(LAUNCHES):
        for rank in range(RANKS):
            wanted = variables(f"{folder}/given-{launch}-{rank}")
            wanted.pop("OMPI_COMMAND", None)
            wanted.update(OMPI_MCA_of_the_program="mine", OMPI_UNIVERSE_SIZE="77")
            if wanted["SLURM_ALL"] != str(launch) or "PMIX_NAMESPACE" not in wanted:
                raise Wrong(f"the launcher gave {wanted}")
            for way in ("system", "executed"):
                name = f"{way}-{launch}-{rank}"
                expect(name, variables(f"{folder}/{name}"), wanted)


def check_streams(folder, rename):
    for launch in range(LAUNCHES):
        with open(f"{folder}/out-{launch}") as f:
            text = f.read()
        for rank in range(RANKS):
            line = f"line {launch}" if rank == 0 else ""
            if text.count(f"generation {launch} rank {rank} reads '{line}'") != 1 or text.count("generation") != RANKS:
                raise Wrong(f"the output of launch {launch} is:\n{text}")
        with open(f"{folder}/err-{launch}") as f:
            said = f"rank 0 ran on host{launch - 1} and is on host{launch} now" in f.read()
        if said != (rename and launch > 0):
            raise Wrong(f"launch {launch}: {'nothing' if rename else 'something'} is said about another processor name")


def check_own_file(folder):
    with open(f"{folder}/own-error") as f:
        text = f.read()
    if text != "".join(f"generation {launch}\n" for launch in range(LAUNCHES)):
        raise Wrong(f"the file in the place of rank 1's standard error holds:\n{text}")


def main():
    stage, proto, program = sys.argv[1:]
    sys.path.insert(0, proto)
    import coordinator
    import driver
    driver.coordinator = coordinator
    rename = may_rename()
    options = driver.options(stage, proto, [program], n=RANKS, mode="restart", limit=60.0, timeout=280.0)
    job = job_class(driver, rename)(options)
    failure = None
    try:
        job.run()
        check_variables(job.folder)
        check_streams(job.folder, rename)
        check_own_file(job.folder)
    except (driver.Failed, coordinator.Refused, coordinator.Lost, OSError, Wrong) as e:
        failure = f"{type(e).__name__}: {e}"
        for launch in range(job.launches):
            for stream in ("out", "err"):
                with open(f"{job.folder}/{stream}-{launch}") as f:
                    print(f"# {stream}-{launch}: {f.read()}")
    job.end(failure)
    print(f"FAILED {failure}" if failure else f"ok environment, {'with' if rename else 'without'} other names of the host")
    return 1 if failure else 0


if __name__ == "__main__":
    sys.exit(main())
