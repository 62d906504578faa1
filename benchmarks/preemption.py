# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
"""What a preemption costs: a batch job of real Slurm on two nodes of a cluster on this machine, queued again and gone on."""
import concurrent.futures
import contextlib
import os
import pathlib
import shutil
import statistics
import subprocess

from support import read_fresh, subject, wait_for

CLUSTER = pathlib.Path(__file__).resolve().parent.parent / "system-tests/cluster"
CANNOT = 77
RANKS = 2
RANK_MIB = 512
SMALL_MIB = 1
ROUNDS = 3
SCRIPT = """#!/bin/bash
#SBATCH -N2 -n2 --requeue --open-mode=append --signal=B:USR1@60 -o {name}/out
echo $EPOCHREALTIME >>{name}/starts
trap 'echo $EPOCHREALTIME >>{name}/signals; kill -USR1 $run' USR1
quiesce run --dir {name} --name checkpoints --restart --requeue -- srun --mpi=pmix ./steps {mib} {name}/steps &
run=$!
wait $run
wait $run
"""


class Site:
    """A cluster with a partition whose jobs make room for those of another one."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.home = self.directory / "home/alice"

    def script(self, command, *words):
        return subprocess.run([CLUSTER / "cluster.sh", command, self.directory, *words], text=True, capture_output=True,
                              stdin=subprocess.DEVNULL)

    def ask(self, user, *words):
        done = self.script("exec", "ctl", "--user", user, *words)
        if done.returncode != 0:
            raise SystemExit(f"bench: {' '.join(words)} ended with {done.returncode}:\n{done.stderr}")
        return done.stdout.strip()

    def state(self, job):
        return self.ask("root", "squeue", "-h", "-j", job, "-o", "%T")


@contextlib.contextmanager
def cluster(bench, directory):
    """A Site, or None with the reason in words, where this machine cannot have one."""
    site = Site(directory)
    start = site.script("start", "--nodes", "2", "--product", bench.stage, "--conf", CLUSTER / "preemption.conf")
    if start.returncode == CANNOT:
        yield None, start.stderr.strip()
        return
    if start.returncode != 0:
        raise SystemExit(f"bench: the cluster did not start:\n{start.stderr}")
    try:
        yield site, ""
    finally:
        site.script("stop")


class Job:
    """A batch job that is preempted as often as one likes."""

    def __init__(self, site, name, mib):
        self.site = site
        self.place = site.home / name
        self.place.mkdir()
        self.place.chmod(0o777)
        self.place.joinpath("job.sh").write_text(SCRIPT.format(name=name, mib=mib))
        self.id = site.ask("alice", "sbatch", "--parsable", f"{name}/job.sh")
        wait_for("the first step", lambda: self.times("steps"))

    def times(self, name):
        """Seconds since 1970, as the script or the program has noted them; a line that is being written is left out."""
        try:
            return [float(line) for line in self.place.joinpath(name).read_text().splitlines(True) if line.endswith("\n")]
        except FileNotFoundError:
            return []

    def newest(self):
        """The directory of the newest checkpoint, None if there is none."""
        latest = self.place / "checkpoints/latest"
        return latest.resolve() if latest.is_symlink() else None

    def preempt(self):
        """Returns ms from the signal to the commit, and from the start of the script to the first step of its program."""
        before, starts = self.newest(), len(self.times("starts"))
        other = self.site.ask("root", "sbatch", "--parsable", "-p", "high", "-N2", "--exclusive", "-o", "/dev/null", "--wrap",
                              "sleep 600")
        wait_for("the checkpoint", lambda: self.newest() != before)
        committed = self.place.joinpath("checkpoints/latest").lstat().st_mtime
        wait_for("the job in the queue", lambda: self.site.state(self.id) == "PENDING")
        self.site.ask("root", "scancel", other)
        # Slurm makes a job wait that was queued again; that is no part of what is measured.
        self.site.ask("root", "scontrol", "update", f"jobid={self.id}", "starttime=now+2")
        wait_for("the job's next run", lambda: len(self.times("starts")) > starts)
        started = self.times("starts")[-1]
        wait_for("its first step", lambda: self.times("steps")[-1] > started)
        first = next(time for time in self.times("steps") if time > started)
        return (committed - self.times("signals")[-1]) * 1e3, (first - started) * 1e3

    def images(self):
        return [str(path) for path in self.newest().glob("rank-*.cr")]

    def end(self):
        self.site.ask("root", "scancel", self.id)
        wait_for("the end of the job", lambda: not self.site.state(self.id))


def write_together(subjects, directory):
    """ms for all subjects to write their memory at the same time, each to a new file on the disk that is measured."""
    for number, one in enumerate(subjects):
        one.tell(f"direct {directory}/limit-{number}")
    return max(float(one.answer()) for one in subjects)


def forget(path):
    """Has the kernel read a file from the disk the next time, as when it had just been written past the cache."""
    file = os.open(path, os.O_RDONLY)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(file)


def read_together(paths):
    """ms for as many processes as there are files to read them from the disk at the same time."""
    for path in paths:
        forget(path)
    with concurrent.futures.ThreadPoolExecutor(len(paths)) as readers:
        return max(readers.map(read_fresh, paths))


def bench_preemption(bench, directory):
    """From the signal of a preemption to the commit, and from the requeued start to the first step: of a job of 1 GiB beside
    writing and reading the same bytes, and of one with hardly any memory, which shows what does not grow with it."""
    with cluster(bench, directory) as (site, reason):
        if site is None:
            bench.skip("preemption", reason)
            return
        shutil.copy(bench.build / "steps", site.home)
        job = Job(site, "large", RANK_MIB)
        rounds = []
        with contextlib.ExitStack() as stack:
            subjects = [stack.enter_context(subject(bench, RANK_MIB, 1, ())) for _ in range(RANKS)]
            for _ in range(ROUNDS):
                write = write_together(subjects, directory)
                commit, restart = job.preempt()
                rounds.append((write, commit, read_together(job.images()), restart))
        job.end()
        small = Job(site, "small", SMALL_MIB)
        commit, restart = small.preempt()
        small.end()
    write, large_commit, read, large_restart = (statistics.median(column) for column in zip(*rounds))
    bench.row("preempted: signal to commit, 1 GiB", large_commit, "ms", write,
              f"O_DIRECT pwrite by {RANKS} processes, fsync", None)
    bench.row("  the same, 2 MiB", commit, "ms", None, "one round", None)
    bench.row("requeued: start to first step, 1 GiB", large_restart, "ms", read,
              f"read() from disk into fresh memory, {RANKS} processes", None)
    bench.row("  the same, 2 MiB", restart, "ms", None, "one round", None)
