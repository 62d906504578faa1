#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
"""Measures what claims about speed rest on, each beside a limit measured in the same run.

usage: bench.py --stage DIR --build DIR [NAME...]   (run.sh builds the programs and calls this)

A row is a median over several rounds in which limit and measurement alternate, since machines are shared and noisy.
"""
import argparse
import contextlib
import ctypes
import json
import os
import pathlib
import signal
import statistics
import subprocess
import tempfile
import time

from calls import bench_calls, bench_quiesce, bench_start
from preemption import bench_preemption
from support import Bench, all_named, descendants, kill_tree, median_pair, read_fresh, resident_kib, subject


def checkpoint(bench, s, path, *options):
    """Takes a checkpoint; returns the longest gap that the subject saw and the time of the whole command, in ms."""
    s.ms("gap")
    start = time.monotonic()
    bench.run("cr_checkpoint", "--quiet", *options, "-f", path, str(s.process.pid))
    whole = (time.monotonic() - start) * 1e3
    return s.ms("gap"), whole


def bench_pause(bench, directory):
    """Pause of 1 GiB to tmpfs against write() of the same bytes. The agent reserves the room before the stop."""
    with subject(bench, 1024, 1) as s, tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        limit, pause = median_pair(
            5, lambda: s.ms(f"write {memory}/limit"),
            lambda: checkpoint(bench, s, f"{memory}/image", "--nosync")[0])
    bench.row("pause, 1 GiB to tmpfs", pause, "ms", limit, "write() of the same bytes in 1 MiB pieces", 1.05)


def bench_durable(bench, directory):
    """Durable dump of 1 GiB against O_DIRECT pwrite by 4 threads with fsync. Both write a new file: to free the blocks of
    an older one is not in the limit either."""
    image = pathlib.Path(directory, "image")

    def dump():
        image.unlink(missing_ok=True)
        return checkpoint(bench, s, image)[1]

    with subject(bench, 1024, 1) as s:
        limit, whole = median_pair(9, lambda: s.ms(f"direct {directory}/limit"), dump)
    bench.row("durable dump, 1 GiB to disk", whole, "ms", limit, "O_DIRECT pwrite, 4 threads, fsync", 1.10)


def bench_small(bench, directory):
    """Pause of a process of 1 MiB."""
    with subject(bench, 1, 1) as s, tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        pairs = [(s.idle_gap(), checkpoint(bench, s, f"{memory}/image", "--nosync")[0]) for _ in range(25)]
    idle, pause = (statistics.median(p[i] for p in pairs) for i in (0, 1))
    bench.row("pause, 1 MiB process", pause, "ms", None, f"gap without a checkpoint: {idle:.3f} ms", 1.0)


def report_of(bench, pid, *options):
    """What cr_checkpoint says about one checkpoint of PID."""
    return json.loads(bench.run("cr_checkpoint", "--json", *options, str(pid)))


def bench_park(bench, directory):
    """Phase STOP with 16 and 200 threads, as the agent reports it: parking them, and the state of the kernel."""
    for threads, goal in ((16, 1.0), (200, 12.0)):
        with subject(bench, 1, threads) as s, tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
            times = [report_of(bench, s.process.pid, "--nosync", "-f", f"{memory}/image")["stop_us"] / 1e3
                     for _ in range(15)]
        bench.row(f"park {threads} threads, look at state", statistics.median(times), "ms", None, "", goal)


def bench_dry_run(bench, directory):
    """How long a process of 1 GiB stands still to be told whether it could be checkpointed."""
    with subject(bench, 1024, 1) as s:
        pauses = []
        for _ in range(15):
            s.ms("gap")
            bench.run("cr_checkpoint", "--quiet", "--dry-run", str(s.process.pid))
            pauses.append(s.ms("gap"))
    bench.row("dry run, 1 GiB", statistics.median(pauses), "ms", None, "", 5.0)


PROCESSES = 50
TREE_MIB = 1000


class Tree:
    """A tree of processes: see tree.c."""

    def __init__(self, bench, *command):
        self.process = subprocess.Popen(command, env=bench.environment, text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)

    def call(self):
        """Returns when every process of the tree has answered."""
        self.process.stdin.write("call\n")
        self.process.stdin.flush()
        self.process.stdout.readline()

    def end(self):
        self.process.stdin.write("quit\n")
        self.process.stdin.close()
        self.process.wait()


PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans():
    """Orphans become children of this process. Whoever adopts them elsewhere may leave them unburied for seconds, and
    until then their ids are taken: a restart would only wait for that."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def bury_orphans(processes):
    """Returns when the PROCESSES, which are about to end, are gone."""
    for pid in processes:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)


def bench_tree(bench, directory):
    """Pause and restart of a tree of 50 processes with 1 GiB in total, against write() and read() of the same bytes."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory, subject(bench, TREE_MIB, 1, ()) as twin:
        context = f"{memory}/context"
        tree = Tree(bench, "cr_run", bench.build / "tree", str(PROCESSES), str(TREE_MIB))
        tree.process.stdout.readline()
        limit, pause = median_pair(
            5, lambda: twin.ms(f"write {memory}/limit"),
            lambda: report_of(bench, tree.process.pid, "--nosync", "-f", context)["pause_us"] / 1e3)
        bench.row("pause, 50 processes, 1 GiB to tmpfs", pause, "ms", limit, "write() of the same bytes", 1.10)
        family = descendants(tree.process.pid)
        for pid in [*family, tree.process.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        tree.process.wait()
        bury_orphans(family)

        def restart():
            start = time.monotonic()
            restarted = Tree(bench, "cr_restart", context)
            restarted.call()
            elapsed = (time.monotonic() - start) * 1e3
            family = descendants(restarted.process.pid)
            restarted.end()
            bury_orphans(family)
            return elapsed

        limit, elapsed = median_pair(5, lambda: read_fresh(context), restart)
    bench.row("restart, 50 processes, 1 GiB", elapsed, "ms", limit, "read() into fresh memory", 1.25)


def bench_restart(bench, directory):
    """Eager restart of 1 GiB, until the process answers, against read() into fresh memory."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        image = f"{memory}/image"
        with subject(bench, 1024, 1) as s:
            bench.run("cr_checkpoint", "--quiet", "--nosync", "-f", image, str(s.process.pid))

        def restart():
            start = time.monotonic()
            process = subprocess.Popen(["cr_restart", image], env=bench.environment, text=True, stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE)
            process.stdin.write("gap\n")
            process.stdin.flush()
            process.stdout.readline()
            elapsed = (time.monotonic() - start) * 1e3
            process.stdin.write("quit\n")
            process.stdin.close()
            process.wait()
            return elapsed

        limit, elapsed = median_pair(5, lambda: read_fresh(image), restart)
    bench.row("eager restart, 1 GiB", elapsed, "ms", limit, "read() into fresh memory", 1.10)


def bench_job(bench, directory):
    """Pause of a 2-rank job of 520 MiB to tmpfs, and the memory of crnode and the resident coordinator."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory, subject(bench, 520, 1, ()) as twin:
        marks = pathlib.Path(memory, "marks")
        marks.touch()
        environment = dict(bench.environment, QUIESCE_HOME=f"{memory}/home")
        before = set(all_named("crnode"))
        job = subprocess.Popen(
            ["quiesce", "run", "--name", "bench", "--dir", f"{memory}/checkpoints", "--keep", "1", "--", "mpirun", "-np", "2",
             bench.build / "ranks", "260", marks], env=environment, text=True, stdout=subprocess.PIPE)
        try:
            job.stdout.readline()

            def pause():
                with marks.open("a") as f:
                    f.write("\n")
                job.stdout.readline()
                subprocess.run(["quiesce", "checkpoint", "bench"], env=environment, check=True, stdout=subprocess.DEVNULL)
                with marks.open("a") as f:
                    f.write("\n")
                return float(job.stdout.readline())

            limit, measured = median_pair(5, lambda: twin.ms(f"write {memory}/limit"), pause)
            bench.row("pause, 2 ranks, 520 MiB to tmpfs", measured, "ms", limit, "write() of the same bytes", 1.10)
            crnode = [pid for pid in all_named("crnode") if pid not in before]
            bench.row("memory of crnode", resident_kib(crnode[0]) / 1024, "MiB", None, "", 4)
            bench.row("memory of resident coordinator", resident_kib(job.pid) / 1024, "MiB", None, "", 128)
        finally:
            kill_tree(job)


def bench_agent(bench, directory):
    """Memory that the agent adds to a process."""
    with subject(bench, 1, 1, ()) as plain, subject(bench, 1, 1) as carried, \
            tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        checkpoint(bench, carried, f"{memory}/image", "--nosync")
        added = (resident_kib(carried.process.pid) - resident_kib(plain.process.pid)) / 1024
    bench.row("memory of the agent", added, "MiB", None, "", 1)


def bench_coordinator(bench, directory):
    """A round of the coordinator's core with 10,000 simulated ranks on 1,000 nodes."""
    report = json.loads(bench.run(f"{bench.stage}/libexec/quiesce/coordinator-bench"))
    bench.row("coordinator, worst phase", report["worst_phase_millis"], "ms", None, "10,000 ranks on 1,000 nodes", 100)
    bench.row("coordinator, heap", report["heap_mib"], "MiB", None, "", 256)


BENCHES = {
    "pause": bench_pause,
    "durable": bench_durable,
    "small": bench_small,
    "park": bench_park,
    "dry-run": bench_dry_run,
    "tree": bench_tree,
    "restart": bench_restart,
    "calls": bench_calls,
    "start": bench_start,
    "quiesce": bench_quiesce,
    "job": bench_job,
    "agent": bench_agent,
    "coordinator": bench_coordinator,
    "preemption": bench_preemption,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stage", required=True)
    parser.add_argument("--build", required=True)
    parser.add_argument("names", nargs="*", choices=[[], *BENCHES], default=[])
    arguments = parser.parse_args()
    bench = Bench(arguments.stage, arguments.build)
    adopt_orphans()
    print(f"{'what':36} {'measured':>15} {'limit':>15} {'ratio':>6} {'goal':>7} {'':4} limit is")
    for name in arguments.names or BENCHES:
        with tempfile.TemporaryDirectory(dir=bench.build) as directory:
            BENCHES[name](bench, directory)
    pathlib.Path(bench.build, "results.json").write_text(json.dumps(bench.rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
