# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
"""MPI: what its calls cost, what its start costs, and how soon a job stands still, each beside the same without Quiesce."""
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import tempfile

from support import alternating_pairs, kill_tree, wait_for

# What a row is called, and its goal on shared memory and on TCP; others are only for reading.
GOALS = {
    "pingpong-8": (1.06, 1.02),
    "pingpong-1M": (1.02, 1.02),
    "pingpong-4M": (1.02, 1.02),
    "stream-1M": (1.02, 1.02),
    "stream-4M": (1.02, 1.02),
    "allreduce-8": (1.02, 1.02),
}
LOCAL = ("comm_rank", "type_size", "test-null", "iprobe", "send-null", "wtime")
SIZES = {"K": 1 << 10, "M": 1 << 20}


def size_of(name):
    text = name.rsplit("-", 1)[-1]
    return int(text[:-1]) * SIZES[text[-1]] if text[-1] in SIZES else int(text)


def comment(name, native, measured):
    """What the times mean, where that is not plain."""
    if name == "stream-8":
        return f"native; {1e3 / measured:.2f} million messages a second, native {1e3 / native:.2f}"
    if name.startswith(("stream", "pingpong")) and size_of(name) >= 4096:
        return f"native; {size_of(name) / measured:.2f} GB/s, native {size_of(name) / native:.2f}"
    return f"native; {measured - native:+.0f} ns"


def times_of(bench, transport, calls, below):
    output = bench.run("mpirun", "--mca", "btl", transport, "-np", "2", *below, bench.build / "calls", "200", str(calls),
                       timeout=600)
    return {name: float(low) for name, low, _ in (line.split() for line in output.splitlines())}


def bench_calls(bench, directory):
    """Times of MPI calls beside the same program natively, each the least of all short batches of all runs: what other work on
    the machine adds is in none of them. The median of the ratios of paired runs is beside it."""
    below = f"{bench.stage}/libexec/quiesce/cr_mpirank"
    rounds = int(os.environ.get("QUIESCE_BENCH_ROUNDS", "9"))
    for place, (transport, label, calls) in enumerate((("self,vader", "shm", 100), ("self,tcp", "tcp", 30))):
        pairs = alternating_pairs(
            rounds, lambda: times_of(bench, transport, calls, ()), lambda: times_of(bench, transport, calls, (below,)))
        for name in pairs[0][0]:
            if name in LOCAL and place > 0:
                continue
            native, measured = (min(p[i][name] for p in pairs) for i in (0, 1))
            middle = statistics.median(p[1][name] / p[0][name] for p in pairs)
            goal = GOALS[name][place] if name in GOALS else None
            bench.row(f"{name}, {label}", measured / 1e3, "us", native / 1e3,
                      f"{comment(name, native, measured)}; median of pairs {middle:.2f}", goal)


def start_of(bench, command):
    """Medians over the ranks of what start.c prints."""
    lines = [line.split() for line in bench.run(*command, timeout=120).splitlines()]
    return [statistics.median(float(words[i]) for words in lines) for i in range(1, 5)]


def bench_start(bench, directory):
    """Start of a job of 2 ranks, and the memory of a rank behind MPI_Init."""
    program = ["mpirun", "-np", "2", bench.build / "start"]
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        bench.environment["QUIESCE_HOME"] = f"{memory}/home"
        under = ["quiesce", "run", "--name", "start", "--dir", f"{memory}/checkpoints", "--", *program]
        pairs = alternating_pairs(9, lambda: start_of(bench, program), lambda: start_of(bench, under))
        del bench.environment["QUIESCE_HOME"]
    names = (("from fork to main", "ms", 1), ("MPI_Init", "ms", 1), ("memory of a rank, its own", "MiB", 1024),
             ("memory of a rank, its part of shared", "MiB", 1024))
    for i, (name, unit, scale) in enumerate(names):
        native, measured = (statistics.median(p[k][i] for p in pairs) / scale for k in (0, 1))
        bench.row(name, measured, unit, native, f"native; {measured - native:+.2f} {unit}", None)


@contextlib.contextmanager
def busy_job(bench, ranks, pattern, memory):
    """A job of busy.c under quiesce run; yields a file of what it prints, and the environment of commands for it."""
    environment = dict(bench.environment, QUIESCE_HOME=f"{memory}/home")
    printed = pathlib.Path(memory, f"{pattern}{ranks}")
    with printed.open("w") as out:
        job = subprocess.Popen(
            ["quiesce", "run", "--name", "busy", "--dir", f"{memory}/checkpoints", "--keep", "1", "--", "mpirun", "-np",
             str(ranks), bench.build / "busy", pattern], env=environment, text=True, stdout=out)
        try:
            wait_for("the first step", lambda: printed.stat().st_size > 0)
            yield printed, environment
        finally:
            kill_tree(job)


def quiesce_ms(environment):
    """One checkpoint: ms from the request's arrival at the ranks until all of them stand still with nothing in flight."""
    report = subprocess.run(["quiesce", "checkpoint", "--json", "busy"], env=environment, check=True, text=True,
                            capture_output=True).stdout
    phases = json.loads(report)["phaseMicros"]
    return [phases[phase] / 1e3 for phase in ("collectives", "stop", "drain")]


def bench_quiesce(bench, directory):
    """How soon a job stands still: bringing collectives to a common count, stopping threads, receiving what is in flight."""
    for pattern, label in (("halo", "halo exchange"), ("allreduce", "Allreduce storm")):
        for ranks in (2, 4, 8):
            with tempfile.TemporaryDirectory(dir="/dev/shm") as memory, \
                    busy_job(bench, ranks, pattern, memory) as (printed, environment):
                times = [quiesce_ms(environment) for _ in range(15)]
                steps = [float(line) for line in printed.read_text().splitlines()]
            parts = " + ".join(f"{statistics.median(t[i] for t in times):.1f}" for i in range(3))
            bench.row(f"quiesce, {label}, {ranks} ranks", statistics.median(sum(t) for t in times), "ms", None,
                      f"collectives + stop + drain: {parts}; longest step in 100 ms: {statistics.median(steps):.2f} ms", 10.0)
