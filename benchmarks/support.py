# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
"""Where things are, rows of results, processes and limits: what the benchmarks share."""
import contextlib
import os
import pathlib
import signal
import statistics
import subprocess
import time

MIB = 1 << 20


class Bench:
    """Where things are, and the rows measured so far."""

    def __init__(self, stage, build):
        self.stage = pathlib.Path(stage).resolve()
        self.build = pathlib.Path(build).resolve()
        self.rows = []
        self.environment = dict(
            os.environ,
            PATH=f"{self.stage}/bin:{os.environ['PATH']}",
            OMPI_ALLOW_RUN_AS_ROOT="1",
            OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
            OMPI_MCA_rmaps_base_oversubscribe="1",
        )

    def run(self, *command, **more):
        """Runs a command that must succeed and returns its output."""
        done = subprocess.run(command, env=self.environment, text=True, capture_output=True, **more)
        if done.returncode != 0:
            raise SystemExit(f"bench: {' '.join(map(str, command))} ended with {done.returncode}:\n{done.stderr}")
        return done.stdout

    def row(self, name, measured, unit, limit, limit_name, goal):
        """Adds and prints a row; a goal is a ratio where there is a limit, otherwise a value in the unit. Without a goal the
        row is only for reading."""
        ratio = measured / limit if limit else None
        reached = None if goal is None else (ratio if ratio is not None else measured) <= goal
        self.rows.append(
            dict(name=name, measured=measured, unit=unit, limit=limit, limit_name=limit_name, ratio=ratio, goal=goal,
                 reached=reached))
        beside = f"{limit:10.3f} {unit:4} {ratio:6.2f}" if limit else f"{'-':>10} {'':4} {'-':>6}"
        wanted = f"{'-':>7} {'':4}" if goal is None else f"{goal:7.2f} {'yes' if reached else 'NO':4}"
        print(f"{name:36} {measured:10.3f} {unit:4} {beside} {wanted} {limit_name}", flush=True)

    def skip(self, name, reason):
        """Says what is not measured on this machine, and why."""
        print(f"{name:36} skipped: {reason}", flush=True)


class Subject:
    """A subject process: see subject.c."""

    def __init__(self, bench, mib, threads, under=("cr_run",)):
        self.process = subprocess.Popen(
            [*under, bench.build / "subject", str(mib), str(threads)], env=bench.environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.answer()

    def answer(self):
        return self.process.stdout.readline().strip()

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def ask(self, line):
        self.tell(line)
        return self.answer()

    def ms(self, line):
        return float(self.ask(line))

    def idle_gap(self):
        """The longest gap in 20 ms without a checkpoint: what the machine itself does to a program."""
        self.ms("gap")
        time.sleep(0.02)
        return self.ms("gap")

    def end(self):
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def subject(bench, mib, threads, under=("cr_run",)):
    s = Subject(bench, mib, threads, under)
    try:
        yield s
    finally:
        s.end()


def read_fresh(path):
    """ms for read() of a file into memory that was never touched."""
    code = (
        "import mmap,os,sys,time\n"
        "f=os.open(sys.argv[1],os.O_RDONLY);n=os.fstat(f).st_size\n"
        "m=mmap.mmap(-1,n,mmap.MAP_PRIVATE|mmap.MAP_ANONYMOUS);v=memoryview(m)\n"
        "t=time.monotonic();o=0\n"
        "while o<n: o+=os.readv(f,[v[o:o+(1<<20)]])\n"
        "print((time.monotonic()-t)*1e3)\n")
    return float(subprocess.run(["python3", "-c", code, path], text=True, capture_output=True, check=True).stdout)


def median_pair(rounds, limit, measure):
    """Medians of the limit and of the measurement, taken in turn."""
    pairs = [(limit(), measure()) for _ in range(rounds)]
    return statistics.median(p[0] for p in pairs), statistics.median(p[1] for p in pairs)


def alternating_pairs(rounds, limit, measure):
    """Pairs of the limit and of the measurement; which comes first changes, so that a drift of the machine cancels out."""
    pairs = []
    for i in range(rounds):
        if i % 2 == 0:
            one = limit()
            pairs.append((one, measure()))
        else:
            other = measure()
            pairs.append((limit(), other))
    return pairs


def resident_kib(pid):
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Private_Dirty:"):
            return int(line.split()[1])
    return 0


def descendants(pid):
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += [int(child), *descendants(child)]
    return found


def kill_tree(process):
    """SIGKILL to a child and all its descendants."""
    for pid in [*descendants(process.pid), process.pid]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def command_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def all_named(name):
    return [int(p.name) for p in pathlib.Path("/proc").iterdir() if p.name.isdigit() and command_of(p.name) == name]


def wait_for(what, condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"bench: waited {seconds} s for {what}")
        time.sleep(0.01)
