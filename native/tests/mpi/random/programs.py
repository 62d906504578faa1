#!/usr/bin/python3
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
"""Runs random MPI programs under checkpoints, kills and restarts, and compares their hashes with those of undisturbed runs.

The seed of a program also says on how many ranks it runs, 2 to 4, and by which transport. Programs that are alike in this share
a job, so that a launch is paid once for several. A program that fails ends its job; the next seeds go on in a new one. Each checkpoint is where a program
asks for it (random.c); it has one restart at least.

usage: programs.py --stage STAGE --proto FOLDER PROGRAM COUNT SEED
"""
import argparse
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

LEAST, MOST = 2, 4
TOGETHER = 24  # programs in one job
REPORT = re.compile(r"^program (\d+) of \d+ ranks, \d+ events:(.*)$")
ROOT = dict(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--stage", required=True, help="<build>/stage")
    p.add_argument("--proto", required=True, help="folder with wire_pb2.py")
    p.add_argument("--jobs", type=int, default=1, help="so many at a time")
    p.add_argument("--btl", help="for all of them")
    p.add_argument("--patience", type=float, default=150.0, help="seconds from one checkpoint to the next")
    p.add_argument("--keep", help="folder for the output of jobs that fail")
    p.add_argument("program")
    p.add_argument("count", type=int)
    p.add_argument("seed", type=int)
    return p.parse_args()


def ranks_of(seed):
    return LEAST + seed % (MOST - LEAST + 1)


def threads_of(seed):
    return "multiple" if seed // (MOST - LEAST + 1) % 2 else "single"


def transport_of(a, seed):
    """One in six goes over TCP: of each 600 seeds those of one number of ranks and level of threads."""
    kinds = 2 * (MOST - LEAST + 1)
    return a.btl or ("self,tcp" if seed % kinds == seed // 600 % kinds else "self,vader")


def kind_of(a, seed):
    """Programs of one kind may run in one job."""
    return ranks_of(seed), threads_of(seed), transport_of(a, seed)


def hashes(text):
    return {int(m.group(1)): m.group(2) for m in map(REPORT.match, text.splitlines()) if m}


def command(a, seeds):
    step = seeds[1] - seeds[0] if len(seeds) > 1 else 1
    return [a.program, str(seeds[0]), str(len(seeds)), str(step), threads_of(seeds[0])]


def undisturbed(a, seeds):
    """What the programs compute without us."""
    words = ["mpirun", "--oversubscribe", "--mca", "btl", transport_of(a, seeds[0]), "-np", str(ranks_of(seeds[0]))]
    words += command(a, seeds)
    with tempfile.TemporaryDirectory(prefix="quiesce-random-") as folder:
        env = dict(os.environ, **ROOT, QUIESCE_RANDOM_FILES=folder, OMPI_MCA_orte_tmpdir_base=folder)
        done = subprocess.run(words, env=env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=a.patience * 3, check=False)
    found = hashes(done.stdout.decode(errors="replace"))
    if done.returncode != 0 or len(found) != len(seeds):
        raise RuntimeError(f"seeds {seeds[0]} to {seeds[-1]} do not even run undisturbed:\n{done.stdout.decode()[-2000:]}")
    return found


def job_class(driver, coordinator):
    """driver.Job, but checkpoints come one after the other, each with its own mode, and a restart does not wait."""

    class RandomJob(driver.Job):
        def __init__(self, a):
            self.old = []
            super().__init__(a)

        def restart(self, path):
            self.old.append(self.process)
            self.launch(["--restore", path])

        def run(self):
            number, since = 0, time.time()
            while self.process.poll() is None:
                want = os.path.join(self.folder, f"want-{number}")
                if os.path.exists(want):
                    self.answer(want, number)
                    number, since = number + 1, time.time()
                if time.time() - since > self.a.patience:
                    raise driver.Failed("it hangs")
                time.sleep(0.001)
            if self.process.returncode != 0:
                raise driver.Failed(f"the job ended with {self.process.returncode}")

        def answer(self, want, number):
            with open(want) as f:
                self.asked, mode = f.read().splitlines()[:2]
            path = None
            try:
                path = self.round(mode == "restart", lambda: self.touch(f"begun-{number}"))
            except driver.Failed as e:
                if "try again later" not in str(e):  # what a busy machine may answer
                    raise
                self.touch(f"begun-{number}")
            self.touch(f"done-{number}")
            if self.sequence > 1:
                shutil.rmtree(os.path.join(self.folder, f"image-{self.sequence - 1}"), ignore_errors=True)
            return path

        def output(self):
            self.log.seek(0)
            return self.log.read().decode(errors="replace")

        def end(self, failed):
            super().end(failed)
            for process in self.old:
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()

    return RandomJob


def run_job(a, seeds):
    """The programs of one job. Returns their hashes, what failed, and what was counted."""
    sys.path.insert(0, a.proto)
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "quiesce"))
    import coordinator
    import driver
    driver.coordinator = coordinator
    coordinator.PHASE_LIMIT_S = a.patience
    options = driver.options(a.stage, a.proto, command(a, seeds), n=ranks_of(seeds[0]), skew=0.002,
                             limit=min(30.0, a.patience), timeout=1e9, seed=seeds[0], btl=transport_of(a, seeds[0]),
                             patience=a.patience)
    job = job_class(driver, coordinator)(options)
    failure = None
    try:
        job.run()
    except (driver.Failed, coordinator.Refused, coordinator.Lost, OSError) as e:
        failure = f"{type(e).__name__}: {e} ({job.asked})"
    text = job.output()
    job.end(False)
    return hashes(text), failure, job.counts, text


def may_be(a, seed, found, right):
    """Whether undisturbed runs differ as well, and each rank's hash is that of one of them: then nobody has done wrong."""
    known = [{h} for h in right.split()]
    for _ in range(5):
        for hashes_of_rank, other in zip(known, undisturbed(a, [seed])[seed].split()):
            hashes_of_rank.add(other)
    print(f"# seed {seed}: undisturbed runs {'differ' if any(len(k) > 1 for k in known) else 'are alike'}", flush=True)
    return all(h in k for h, k in zip(found.split(), known))


def save(a, seed, text):
    if a.keep:
        os.makedirs(a.keep, exist_ok=True)
        with open(os.path.join(a.keep, f"seed-{seed}.log"), "w") as f:
            f.write(text)


def run_seeds(a, seeds):
    """Returns the failures, by seed, and the sums of what was counted."""
    right = undisturbed(a, seeds)
    failures, sums = {}, {}
    while seeds:
        found, failure, counts, text = run_job(a, seeds)
        for name, value in counts.items():
            sums[name] = sums.get(name, 0) + value
        for seed in found:
            if found[seed] != right[seed] and not may_be(a, seed, found[seed], right[seed]):
                failures[seed] = f"hashes {found[seed]}, undisturbed {right[seed]}"
                save(a, seed, text)
        seeds = [s for s in seeds if s not in found]
        if seeds:
            failures[seeds[0]] = failure or "the job ended early"
            save(a, seeds[0], text)
            seeds = seeds[1:]
        elif failure:
            failures[max(found)] = failure
            save(a, max(found), text)
    return failures, sums


def chunks(a):
    lists = []
    all_seeds = range(a.seed, a.seed + a.count)
    for kind in sorted({kind_of(a, s) for s in all_seeds}):
        seeds = [s for s in all_seeds if kind_of(a, s) == kind]
        while seeds:
            count = 1  # as many as have the same distance
            while count < min(len(seeds), TOGETHER) and seeds[count] - seeds[count - 1] == seeds[min(1, count)] - seeds[0]:
                count += 1
            lists.append(seeds[:count])
            seeds = seeds[count:]
    return sorted(lists)


def main():
    a = arguments()
    start, failures, sums, done = time.time(), {}, {}, 0
    with concurrent.futures.ProcessPoolExecutor(a.jobs) as pool:
        waiting = {pool.submit(run_seeds, a, seeds): seeds for seeds in chunks(a)}
        for future in concurrent.futures.as_completed(waiting):
            if future.exception():
                pool.shutdown(wait=False, cancel_futures=True)
            bad, counts = future.result()
            done += len(waiting[future])
            for seed, why in sorted(bad.items()):
                print(f"not ok - seed {seed}: {why}", flush=True)
            failures.update(bad)
            for name, value in counts.items():
                sums[name] = sums.get(name, 0) + value
            print(f"# {done} programs, {len(failures)} failed, {time.time() - start:.0f} s", flush=True)
    seconds = time.time() - start
    print(f"{'not ok' if failures else 'ok'} 1 - {a.count} random programs from seed {a.seed}: {len(failures)} failed {sums}, "
          f"{a.count / seconds:.1f} per second")
    print("1..1")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
