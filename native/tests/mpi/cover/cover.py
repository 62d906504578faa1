#!/usr/bin/python3
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
"""Measures at which MPI functions a program can be checkpointed, and that nothing is different afterwards.

    cover.py run --stage STAGE --proto FOLDER --library TRACE --output FOLDER NAME RANKS PROGRAM...
    cover.py check TESTS FOLDER    every function of the table has what its kind needs, and TESTS (or a new one, --write) says so

run: PROGRAM is run natively, and its calls are recorded. Then it is run under Quiesce with checkpoints just before calls of rank
0, while the others are where they get without it: jobs that continue, at a first call of each function that waits for others,
and jobs that are killed and restarted, at as few calls as it takes to have each function called before a restart and after one,
and alive across one what it makes. The lines printed must be those of the native run. NAME.json in the output folder has
what was seen. QUIESCE_COVER_FULL=1: a restart instead of each checkpoint that continues.
"""
import argparse
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "quiesce"))
ROOT = dict(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
# What waits for others.
KINDS = {"collective", "creator", "destroyer"}
WAITS = {"MPI_" + name for name in ("Mprobe", "Probe", "Recv", "Sendrecv", "Sendrecv_replace", "Ssend", "Wait", "Waitall",
                                    "Waitany", "Waitsome", "Win_complete", "Win_lock", "Win_start", "Win_wait")}
# Whoever waits in it waits for this call of rank 0.
ANSWERS = {"MPI_Win_start": "MPI_Win_post"}
MIDDLE = "MPI_Pcontrol"  # called between the passes
ATTEMPTS = 2
SENDS = 26
SHOWN = 20  # of lines that differ


def table():
    from trace_wrappers import functions
    return {f.name: f for f in functions()}


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = p.add_subparsers(dest="command", required=True)
    r = commands.add_parser("run")
    for name in ("stage", "proto", "library", "output"):
        r.add_argument("--" + name, required=True)
    r.add_argument("--btl", default="self,vader")
    r.add_argument("--ends-with", type=int, default=0, help="exit code of the job")
    r.add_argument("--may-hang", action="store_true", help="natively, too: then it is played once more")
    r.add_argument("--tests", help="only as many checkpoints as it takes to see again what this file says of this test")
    r.add_argument("--at", default="", help="checkpoints only before calls of these functions (a,b,c)")
    r.add_argument("name")
    r.add_argument("ranks", type=int)
    r.add_argument("program", nargs="+")
    c = commands.add_parser("check")
    c.add_argument("--write", action="store_true")
    c.add_argument("tests")
    c.add_argument("folder")
    return p.parse_args()


# ---- traces ----

class Trace:
    """What one job's ranks have recorded."""

    def __init__(self, folder):
        self.functions, self.events = {}, []
        for path in sorted(glob.glob(folder + "/trace-*")):
            with open(path) as f:
                lines = [line.split() for line in f]
            for words in lines:
                if words[0] == "f":
                    seen = self.functions.setdefault(words[1], set())
                    names = ("before", "after", "begun", "inside", "lived")
                    seen |= {n for n, count in zip(names, words[2:]) if count != "0"}
            if path.endswith("-0") and len(lines) > len(self.events):
                self.events = [(words[0], words[1]) for words in lines if words[0] != "f"]

    def places(self):
        """For each call of rank 0: its function, the how-manieth it is, and which functions' objects are alive then."""
        count, live = {}, {}
        for what, name in self.events:
            if what == "c":
                count[name] = count.get(name, 0) + 1
                yield name, count[name], {n for n, c in live.items() if c > 0}
            else:
                live[name] = live.get(name, 0) + (1 if what == "n" else -1)


def restarts(trace, allowed, seen):
    """As few calls as it takes to see everything that is not yet."""
    places = list(trace.places())
    names = [p[0] for p in places]
    first = {n: i for i, n in reversed(list(enumerate(names)))}
    last = {n: i for i, n in enumerate(names)}
    goals = []
    for i, (name, _, live) in enumerate(places):
        can = {("before", n) for n in first if first[n] < i} | {("after", n) for n in last if last[n] >= i} \
            | {("lived", n) for n in live}
        goals.append({(what, n) for what, n in can if what not in seen.get(n, ()) and first[n] < last[n]}
                     if allowed(name) else set())
    chosen, missing = [], set().union(*goals)
    if MIDDLE in names and allowed(MIDDLE) and not seen:  # what other ranks alone call is before it and after it, too
        chosen = [first[MIDDLE]]
        missing -= goals[chosen[0]]
    while missing:
        best = max(range(len(places)), key=lambda i: len(goals[i] & missing))
        chosen.append(best)
        missing -= goals[best]
    return [places[i][:2] + ("r",) for i in sorted(chosen)]


# ---- jobs ----

def job_class(driver, coordinator):
    class CoverJob(driver.Job):
        """Takes the checkpoints that the tracing library asks for, and tells it where all ranks were stopped."""

        def serve(self, want):
            number = want.rsplit("-", 1)[1]
            with open(want) as f:
                self.asked, restart = want, f.read().startswith("r")
            for image in glob.glob(self.folder + "/image-*"):
                shutil.rmtree(image, ignore_errors=True)
            self.take(number, restart)
            self.touch("done-" + number)

        def take(self, number, restart):
            path = self.image()
            r = coordinator.Round(self.pids(), path, self.sequence, self.a.skew, 0.0, self.random.getrandbits(32))
            try:
                r.converge(self.a.limit, lambda: self.touch("begun-" + number))
                r.phase("STOP")
                if restart:
                    self.touch("restarted-" + number)
                self.touch("stopped-" + number)
                r.phase("DRAIN")
                r.phase("DUMP")
                r.phase("SEAL" if restart else "RESUME")
                if restart:
                    r.kill()
                    self.restart(path)
                else:
                    r.phase("SEAL")
            except coordinator.Refused as e:
                raise driver.Failed(f"checkpoint {number} refused: {e}") from e
            r.close()
            self.counts["restart" if restart else "continue"] += 1

        def end(self, failed):
            self.trace = Trace(self.folder)
            super().end(failed)

    return CoverJob


def lines_of(folder):
    """What the ranks have printed."""
    lines = []
    for path in glob.glob(folder + "/lines-*"):
        with open(path, errors="replace") as f:
            lines += f.read().splitlines()
    return sorted(lines)


def native(a, work):
    """The lines printed, and the trace. Open MPI's connections between jobs hang at times: then again."""
    for patience in (60, 60, 120):
        folder = tempfile.mkdtemp(dir=work)
        env = dict(os.environ, **ROOT, QUIESCE_TEST_DIR=folder, OMPI_MCA_btl=a.btl,
                   OMPI_MCA_mca_base_env_list=f"LD_PRELOAD={a.library};QUIESCE_TEST_DIR;COVER_LINES=1")
        try:
            done = subprocess.run(["mpirun", "--oversubscribe", "-np", str(a.ranks)] + command(a, folder), env=env,
                                  timeout=patience, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, check=False)
        except subprocess.TimeoutExpired:
            print("# it hangs natively")
            continue
        lines = lines_of(folder)
        if done.returncode != a.ends_with or not lines:
            sys.exit(f"not ok - natively: exit code {done.returncode}\n{done.stdout.decode(errors='replace')}")
        return lines, Trace(folder)
    sys.exit("not ok - it hangs natively")


def command(a, folder):
    return [a.program[0]] + [w.replace("{}", folder) for w in a.program[1:]]


def run_job(a, work, ask):
    """Plays the program with these checkpoints. Returns the lines printed, the trace, the failure and what was counted."""
    sys.path.insert(0, a.proto)
    import coordinator
    import driver
    driver.coordinator = coordinator
    folder = tempfile.mkdtemp(dir=work)
    os.environ.update(COVER_RANK="0", OMPI_MCA_mca_base_env_list=f"LD_PRELOAD={a.library};QUIESCE_TEST_DIR;COVER_ASK;"
                      "COVER_RANK;COVER_LINES=1")
    os.environ["COVER_ASK"] = ",".join(f"{name}:{k}:{mode}" for name, k, mode in ask)
    options = driver.options(a.stage, a.proto, command(a, folder), n=a.ranks, mode="restart", skew=0.002, limit=40.0,
                             timeout=60.0 if a.may_hang else 280.0, btl=a.btl)
    job = job_class(driver, coordinator)(options)
    failure = None
    try:
        job.run()
    except (driver.Failed, coordinator.Refused, coordinator.Lost, OSError) as e:
        failure = f"{type(e).__name__}: {e}"
    if failure and job.process.poll() == a.ends_with != 0:
        failure = None
    lines = lines_of(job.folder)
    job.end(failure)
    return lines, job.trace, failure, job.counts


def merge(seen, trace):
    for name, what in trace.functions.items():
        seen.setdefault(name, set()).update(what)


def waits(f):
    return f.kind in KINDS or f.name in WAITS


def promised(path):
    """What the file says: for each function the names of the three columns."""
    with open(path) as f:
        rows = [line.split("|") for line in f if line.strip() and not line.startswith("#")]
    return {row[0].strip(): [[t for t in column.split() if t != "-"] for column in row[1:]] for row in rows}


def missing_inside(a, seen, trace, functions):
    """Functions that wait for others, have been called, and were not yet seen at a checkpoint."""
    known = promised(a.tests) if a.tests else None
    return [n for n in trace.functions if waits(functions[n]) and "begun" not in seen.get(n, set())
            and (known is None or a.name in known[n][2])]


def play(a, work, wanted, ask, seen):
    """One job; its lines must be those of the native run."""
    lines, trace, failure, counts = run_job(a, work, ask)
    if failure and "time is up" in failure and a.may_hang:
        print("# it hangs, as it does natively at times")
        lines, trace, failure, counts = run_job(a, work, ask)
    if failure or lines != wanted:
        print(f"not ok - {a.name}: {failure or 'the lines differ (- native, + here)'}; at {[x for x in ask]}")
        sys.stdout.writelines([f"- {line}\n" for line in wanted or [] if line not in lines][:SHOWN])
        sys.stdout.writelines([f"+ {line}\n" for line in lines if line not in (wanted or [])][:SHOWN])
        sys.exit(1)
    merge(seen, trace)
    return counts


def allowed_at(a):
    names = [n for n in a.at.split(",") if n]
    return lambda name: (not names or name in names) and name not in ("MPI_Init", "MPI_Init_thread", "MPI_Initialized")


def run(a):
    functions, seen, start = table(), {}, time.time()
    counts = {"continue": 0, "restart": 0}

    def add(more):
        for name in counts:
            counts[name] += more[name]

    result = os.path.join(a.output, a.name + ".json")
    os.makedirs(a.output, exist_ok=True)
    if os.path.exists(result):
        os.unlink(result)
    work = tempfile.mkdtemp(prefix="quiesce-cover-")
    try:
        wanted, trace = native(a, work)
        allowed = allowed_at(a)
        for attempt in range(ATTEMPTS):
            ask = restarts(trace, allowed, seen)
            if ask:
                add(play(a, work, wanted, ask, seen))
        for attempt in range(0 if a.ends_with or a.at else ATTEMPTS):
            ask = inside(a, seen, trace, functions, allowed, attempt)
            if ask:
                add(play(a, work, wanted, ask, seen))
        print("# not seen in progress:", *missing_inside(a, seen, trace, functions))
    finally:
        shutil.rmtree(work, ignore_errors=True)
    with open(result, "w") as f:
        json.dump({name: sorted(what) for name, what in sorted(seen.items())}, f, indent=1)
    print(f"ok - {a.name}: {len(seen)} functions, {counts}, {time.time() - start:.1f} s")


def inside(a, seen, trace, functions, allowed, attempt):
    """Checkpoints before the calls of functions that are not seen in progress yet, and before the messages of rank 0 that the
    others may wait for. Others may be in the call already: then one before an earlier call of rank 0 would have found them."""
    mode = "r" if os.environ.get("QUIESCE_COVER_FULL") else "c"
    missing = set(missing_inside(a, seen, trace, functions))
    places = list(trace.places())
    at = {}
    for i, (name, _, _) in enumerate(places):
        at.setdefault(name, []).append(i)
    chosen = {max(0, i - back) for name in missing for i in at.get(name, [])[:1 + attempt] for back in range(1 + attempt // 2)}
    chosen |= {i for name in missing & set(ANSWERS) for i in at.get(ANSWERS[name], [])[:1 + attempt]}
    if missing & WAITS:
        chosen |= set(at.get("MPI_Send", [])[:SENDS])
    return [places[i][:2] + (mode,) for i in sorted(chosen) if allowed(places[i][0])]


# ---- all together ----

def needed(f):
    """What must have been seen of a function."""
    if f.name in ("MPI_Init", "MPI_Init_thread"):
        return {"before"}
    if f.name in ("MPI_Abort", "MPI_Finalize"):
        return {"after"}
    return {"before", "after"}


def check(a):
    functions, seen = table(), {}
    for path in glob.glob(a.folder + "/*.json"):
        test = os.path.basename(path)[:-5]
        with open(path) as f:
            for name, what in json.load(f).items():
                for one in what:
                    seen.setdefault(name, {}).setdefault(one, []).append(test)
    errors = [f"{name}: no test calls it {one} a restart" for name, f in functions.items() for one in needed(f)
              if one not in seen.get(name, {})]
    if a.write:
        with open(a.tests, "w") as out:
            out.write(HEAD + "".join(row(f, seen.get(name, {})) for name, f in functions.items()))
    known = promised(a.tests)
    errors += [f"{name}: not in {a.tests}" for name in functions if name not in known]
    for name, columns in known.items():
        have = seen.get(name, {})
        for tests, what in zip(columns, (needed(functions[name]), {"lived"}, {"begun"})):
            errors += [f"{name}: {test} does not show that it {MEANS[one]}" for test in tests for one in sorted(what)
                       if test not in have.get(one, [])]
    print("\n".join(errors) or f"ok - {len(functions)} functions")
    return 1 if errors else 0


MEANS = {"before": "was called before a restart", "after": "was called after a restart",
         "lived": "made something that was alive across a restart", "begun": "was in progress when a checkpoint was asked for"}


def row(f, have):
    """One test for each column: the most special one. Others than those that wait are found in progress by luck only."""
    both = set.intersection(*(set(have.get(one, [])) for one in needed(f)))
    begun = have.get("begun", []) if waits(f) else []
    columns = [min(tests, key=ORDER.index, default="-") for tests in (both, have.get("lived", []), begun)]
    return " | ".join([f.name] + columns) + "\n"


ORDER = ["collectives", "messages", "windows", "files", "comms", "types", "objects", "tools", "dynamic", "abort"]
HEAD = """# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# The tests that show what happens to each function at a checkpoint: written by tests/mpi/cover/cover.py check --write from what
# was measured, and compared with it in each run of the tests (mpi_cover_all). NAME means the test mpi_cover_NAME.
#
# function | called before and after a restart | what it made lived across one | in progress when a checkpoint was asked for

"""


def main():
    a = arguments()
    if a.command == "check":
        return check(a)
    a.library = os.path.abspath(a.library)
    return run(a)


if __name__ == "__main__":
    sys.exit(main())
