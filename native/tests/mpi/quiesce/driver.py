#!/usr/bin/python3
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
"""Runs an MPI program under cr_mpirank, checkpoints it, kills and restarts it.

The program asks for a checkpoint by making the file want-N in the folder $QUIESCE_TEST_DIR, and learns from begun-N that all
ranks know of it and from done-N that it is over; or checkpoints are taken at random times (--rounds). The file may have two
lines: what the program is doing, for the report of a failure, and words with which this checkpoint must be refused; and a third:
in which function rank 1 must say that it waits for a message ("none": in no function). MODE:
  continue  the job runs on        restart  it is killed and restarted
  twice     killed and restarted twice from the same image
  later     it runs on until the program has made the file written-N, is then killed and restarted from the image; in all modes
            gone-N tells the program that this is over
  second    restarted, checkpointed again at the same place, restarted from that
With --transports, the job and each of its restarts use the next of these: see TRANSPORTS.
"""
import argparse
import glob
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time


def parser():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--stage", required=True, help="<build>/stage")
    p.add_argument("--proto", required=True, help="folder with wire_pb2.py")
    p.add_argument("-n", type=int, default=2)
    p.add_argument("--mode", default="continue", choices=["continue", "restart", "twice", "second", "later"])
    p.add_argument("--rounds", type=int, default=0, help="this many checkpoints at random times")
    p.add_argument("--restarts", type=float, default=0.0, help="with --rounds: share of those that are restarts")
    p.add_argument("--gap", type=float, default=0.4)
    p.add_argument("--later", type=float, default=0.0, help="with --rounds: runs on so long, at most, before it is killed")
    p.add_argument("--skew", type=float, default=0.01)
    p.add_argument("--target-delay", type=float, default=0.0)
    p.add_argument("--limit", type=float, default=5.0, help="for the collectives")
    p.add_argument("--timeout", type=float, default=100.0)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--btl", default="self,vader")
    p.add_argument("--restart-btl", help="every other launch, beginning with the first restart, has this transport")
    p.add_argument("--nodes", help="hosts for one launch after the other, such as 'n1:2,n2:2 n3:4'; for a shared home only")
    p.add_argument("--transports", type=lambda words: words.split(","), default=[])
    p.add_argument("--each", type=int, default=0, help="so many jobs; {} in the command is 0, 1, ...")
    p.add_argument("--may-refuse", action="store_true", help="a round that does not converge is no failure")
    p.add_argument("-v", action="store_true")
    p.add_argument("command", nargs="+")
    return p


def options(stage, proto, command, **others):
    """Those of a job that another program drives: the usual ones where nothing else is said."""
    a = parser().parse_args(["--stage", stage, "--proto", proto, "--", *command])
    for name, value in others.items():
        setattr(a, name, value)
    return a


# What Open MPI's own site parameters leave out is asked for by name.
_UCX = {"OMPI_MCA_pml": "ucx", "OMPI_MCA_pml_ucx_tls": "any", "OMPI_MCA_pml_ucx_devices": "any"}
_OFI = {"OMPI_MCA_pml": "cm", "OMPI_MCA_mtl": "ofi"}
TRANSPORTS = {
    "vader": {"OMPI_MCA_pml": "ob1", "OMPI_MCA_btl": "self,vader"},
    "tcp": {"OMPI_MCA_pml": "ob1", "OMPI_MCA_btl": "self,tcp"},
    "ucx": {**_UCX, "UCX_TLS": "shm,self"},
    "ucx-tcp": {**_UCX, "UCX_TLS": "tcp,self"},
    "ofi": {**_OFI, "OMPI_MCA_mtl_ofi_provider_include": "tcp"},
    "ofi-sockets": {**_OFI, "OMPI_MCA_mtl_ofi_provider_include": "sockets"},
    "ofi-net": {**_OFI, "OMPI_MCA_mtl_ofi_provider_include": "net"},
    "monitored": {"OMPI_MCA_pml_monitoring_enable": "1"},
}


def runs_natively(a, name):
    """Whether the installed Open MPI and this host have what the transport needs (an interface that the provider accepts)."""
    env = dict(os.environ, OMPI_MCA_rmaps_base_oversubscribe="1", **TRANSPORTS[name])
    try:
        return subprocess.run(["mpirun", "--allow-run-as-root", "-np", "2", a.proto + "/buffers"], env=env, check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              timeout=a.timeout / 4).returncode == 0
    except subprocess.TimeoutExpired:
        return False


class Failed(Exception):
    pass


class Ended(Exception):
    """The program came to its end before the checkpoint began."""


class Job:
    """The launcher and its ranks, through kills and restarts."""

    def __init__(self, a):
        self.a = a
        self.random = random.Random(a.seed)
        self.folder = tempfile.mkdtemp(prefix="quiesce-test-", dir=os.environ["HOME"] if a.nodes else None)
        self.start = time.time()
        self.counts = {"continue": 0, "restart": 0, "refused": 0, "released": 0, "targets": 0, "kept": 0}
        self.times = {}
        self.sequence = 0
        self.launches = 0
        self.asked = ""
        self.log = open(os.path.join(self.folder, "output"), "w+b")
        self.launch(a.command)

    def launch(self, words):
        btl = self.a.restart_btl if self.a.restart_btl and self.launches % 2 else self.a.btl
        self.launches += 1
        env = dict(os.environ, QUIESCE_TEST_DIR=self.folder, QUIESCE_HOME=self.folder + "/home",
                   OMPI_MCA_btl=btl, OMPI_MCA_rmaps_base_oversubscribe="1",
                   OMPI_MCA_odls_base_sigkill_timeout="0")  # mpirun gives ranks that it ends a second, twice
        env.pop("QUIESCE_JOB_DIR", None)
        hosts = []
        if self.a.nodes:
            hosts = self.hosts(env)
        else:  # a mpirun that ends may remove the folder that another one has just found
            env["OMPI_MCA_orte_tmpdir_base"] = f"{self.folder}/session-{self.launches}"
            os.mkdir(env["OMPI_MCA_orte_tmpdir_base"])
        if self.a.transports:
            env.update(TRANSPORTS[self.a.transports[(self.launches - 1) % len(self.a.transports)]])
        self.process = subprocess.Popen(
            ["mpirun", "--allow-run-as-root", "--oversubscribe", "-np", str(self.a.n), *hosts,
             self.a.stage + "/libexec/quiesce/cr_mpirank"] + words,
            env=env, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def hosts(self, env):
        """Options of the next launch."""
        layouts = self.a.nodes.split()
        env["QUIESCE_JOB_DIR"] = self.job = f"{self.folder}/home/jobs/{self.launches}"
        os.makedirs(self.folder + "/home/jobs", 0o700, exist_ok=True)
        passed = [w for name in ("QUIESCE_TEST_DIR", "QUIESCE_HOME", "QUIESCE_JOB_DIR") for w in ("-x", name)]
        return ["--host", layouts[(self.launches - 1) % len(layouts)], *passed]

    def new_round(self, path, *more):
        """A round of the job as it runs now."""
        if not self.a.nodes:
            return coordinator.Round(self.pids(), path, *more)
        return nodes.Round(self.job, self.a.n, path, *more, alive=lambda: self.process.poll() is None)

    @staticmethod
    def is_rank(pid):
        """Not what MPI_Comm_spawn has started."""
        try:
            return os.readlink(f"/proc/{pid}/exe").endswith("/cr_mpirank")
        except OSError:
            return False

    def pids(self):
        """The ranks: children of the launcher that run cr_mpirank."""
        deadline = time.time() + 20
        while time.time() < deadline:
            with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as f:
                pids = [int(p) for p in f.read().split() if self.is_rank(p)]
            if len(pids) == self.a.n:
                return pids
            if self.process.poll() == 0 and self.a.rounds:
                raise Ended()
            if self.process.poll() is not None:
                raise Failed(f"the job ended with {self.process.returncode}")
            time.sleep(0.02)
        raise Failed("the ranks did not start")

    def image(self):
        self.sequence += 1
        path = os.path.join(self.folder, f"image-{self.sequence}")
        os.mkdir(path)
        return path

    def restart(self, path):
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            raise Failed("the launcher outlived its ranks") from None
        deadline = time.time() + 60
        while self.a.nodes and nodes.records_of(self.job):
            if time.time() > deadline:
                raise Failed("a node keeps its ranks")
            time.sleep(0.02)
        self.launch(["--restore", path])

    def again(self, path):
        """Kills the job and restarts it from an image that was taken before."""
        if self.a.nodes:
            self.process.kill()  # the daemons on the nodes end with it, and the ranks with them
        else:
            coordinator.Round(self.pids(), path, seed=self.a.seed).kill()
        self.restart(path)
        self.counts["restart"] += 1

    def written(self, number):
        deadline = time.time() + 60
        while not os.path.exists(f"{self.folder}/written-{number}"):
            if time.time() > deadline or self.process.poll() is not None:
                raise Failed(f"the program has not made written-{number}")
            time.sleep(0.005)

    @staticmethod
    def check_waits(expected, results):
        got = [x.waits_in or "none" for x in results if x.rank == 1]
        if expected and got != [expected]:
            raise Failed(f"rank 1 waits in {got}, not {expected}")

    def round(self, restart, begun=None, refusal="", keep=False, waits=""):
        """One checkpoint, which REFUSAL says must be refused with these words. Returns the image's folder, or None."""
        path = self.image()
        r = self.new_round(path, self.sequence, self.a.skew, self.a.target_delay, self.random.getrandbits(32))
        try:
            r.converge(self.a.limit, begun)
            r.phase("STOP")
            drained = r.phase("DRAIN")
            if refusal:
                r.cancel()
                raise Failed(f"not refused: {refusal}")
            self.counts["kept"] += sum(x.messages for x in drained)
            self.check_waits(waits, drained)
            if restart:
                r.phase("DUMP")
                r.phase("SEAL")
                r.kill()
                self.restart(path)
            elif keep or self.random.random() < 0.2:
                r.phase("DUMP")
                r.phase("RESUME")
                r.phase("SEAL")
            else:
                r.cancel()
        except coordinator.Refused as refused:
            r.close()
            if self.a.rounds and "MPI_Finalize" in str(refused):
                return None  # the program is at its end
            self.counts["refused"] += 1
            if refusal and refusal in str(refused):
                return None
            print("refused:", refused, flush=True)
            if not self.a.may_refuse:
                raise Failed(str(refused)) from refused
            return None
        finally:
            self.counts["released"] += r.releases
            self.counts["targets"] += r.targets
        r.close()
        self.counts["restart" if restart else "continue"] += 1
        for name, value in r.times.items():
            self.times.setdefault(name, []).append(value * 1e3)
        if self.a.v:
            print({k: f"{v * 1e3:.1f} ms" for k, v in r.times.items()}, flush=True)
        return path

    def touch(self, name):
        with open(os.path.join(self.folder, name), "w"):
            pass

    def serve(self, want):
        """A checkpoint that the program asks for."""
        number = want.rsplit("-", 1)[1]
        mode = self.a.mode
        with open(want) as f:
            self.asked, refusal, waits = (f.read() + "\n\n\n").split("\n")[:3]
        for image in glob.glob(self.folder + "/image-*"):
            shutil.rmtree(image, ignore_errors=True)  # all ranks are back from it, or nobody could have asked
        path = self.round(mode not in ("continue", "later"), lambda: self.touch("begun-" + number), refusal, mode == "later",
                          waits)
        if mode == "later" and path:
            self.touch("done-" + number)
            self.written(number)
        if mode in ("twice", "later") and path:
            self.again(path)
        if mode == "second" and path:
            # The program may be in its next state already, and wait there for the news of a checkpoint.
            self.round(True, lambda: self.touch(f"begun-{int(number) + 1}"))
        self.touch("done-" + number)
        self.touch("gone-" + number)

    def one_of_many(self):
        """A checkpoint at a random time."""
        restart = self.random.random() < self.a.restarts
        later = self.random.random() * self.a.later
        path = self.round(restart and not later, keep=bool(later))
        if restart and later and path:
            time.sleep(later)
            if self.process.poll() is None:
                self.again(path)

    def run(self):
        served, rounds = set(), 0
        at = time.time() + self.random.random() * self.a.gap
        while self.process.poll() is None:
            if time.time() - self.start > self.a.timeout:
                raise Failed("time is up")
            for want in sorted(glob.glob(self.folder + "/want-*")):
                if want not in served:
                    served.add(want)
                    self.serve(want)
            if rounds < self.a.rounds and time.time() > at and \
                    os.path.exists(self.folder + "/running-0"):
                rounds += 1
                self.one_of_many()
                at = time.time() + self.random.random() * self.a.gap
            time.sleep(0.001)
        if self.process.returncode != 0:
            raise Failed(f"the job ended with {self.process.returncode}")

    def has_ended_well(self):
        try:
            return self.process.wait(3) == 0
        except subprocess.TimeoutExpired:
            return False

    def end(self, failed):
        if self.process.poll() is None:
            try:
                for pid in self.pids() if not self.a.nodes else []:
                    os.kill(pid, 9)
            except (Failed, OSError):
                pass
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.log.seek(0)
        text = self.log.read().decode(errors="replace")
        if failed or self.a.v:
            sys.stdout.write(text)
        else:
            sys.stdout.write("".join(line + "\n" for line in text.splitlines() if line.startswith(("ok", "not ok", "#"))))
        if not os.environ.get("QUIESCE_TEST_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)

    def summary(self):
        middle = {k: f"{sorted(v)[len(v) // 2]:.1f}/{max(v):.1f}" for k, v in self.times.items()}
        return f"{self.counts} median/max ms {middle}"


def run(a, command):
    a.command = command
    job = Job(a)
    failure = None
    try:
        job.run()
    except Ended:
        pass
    except coordinator.Lost as e:
        # Perhaps the program has come to its end just now.
        failure = None if a.rounds and job.has_ended_well() else f"Lost: {e}"
    except (Failed, coordinator.Refused, OSError) as e:
        failure = f"{type(e).__name__}: {e}"
    job.end(failure)
    during = f" in or after {job.asked}" if failure and job.asked else ""
    print(f"{'FAILED ' + failure if failure else 'passed'}{during} n={a.n} mode={a.mode} seed={a.seed} {command}: "
          f"{job.summary()}", flush=True)
    return 1 if failure else 0


def main():
    a = parser().parse_args()
    sys.path.insert(0, a.proto)
    global coordinator, nodes
    import coordinator
    import nodes
    command = a.command
    lacking = [name for name in a.transports if not runs_natively(a, name)]
    if lacking:
        print(f"skipped: on this host Open MPI does not run over {', '.join(lacking)}")
        return 77
    return max(run(a, [w.replace("{}", str(i)) for w in command] if a.each else command) for i in range(a.each or 1))


if __name__ == "__main__":
    sys.exit(main())
