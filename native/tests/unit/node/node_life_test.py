# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
"""How crnode starts, is found, is replaced, and ends."""
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from support import CRNODE, NODE_START, Agent, Coordinator, Job, kill, run_tests, wait_until, wire


class Started:
    """A job directory whose crnode is started as ranks do it; use as `with Started() as job`."""

    def __init__(self, world=2):
        self.world = world

    def __enter__(self):
        self.home = tempfile.mkdtemp(prefix="quiesce-node-test-")
        os.mkdir(self.home + "/jobs", 0o700)
        self.directory = self.home + "/jobs/one"
        self.run = None
        self.agents = []
        return self

    def __exit__(self, *_):
        for agent in self.agents:
            agent.end()
        for name in os.listdir(self.home + "/jobs"):
            record = self.record(f"{self.home}/jobs/{name}")
            if record is not None:
                try:
                    kill(record.crnode_pid)
                except ProcessLookupError:
                    pass
        if self.run is not None:
            shutil.rmtree(self.run, ignore_errors=True)
        shutil.rmtree(self.home)

    def start(self, **more):
        result = subprocess.run([NODE_START, self.directory, CRNODE], capture_output=True, text=True, timeout=30,
                                check=False, **more)
        assert result.returncode == 0, result.stderr
        self.run = result.stdout.strip()

    def record(self, directory=None):
        path = f"{directory or self.directory}/node-{socket.gethostname()}.pb"
        if not os.path.exists(path):
            return None
        record = wire.NodeRecord()
        with open(path, "rb") as file:
            record.ParseFromString(file.read())
        return record

    def address(self):
        return self.record().address[0], self.record().port

    def key(self):
        with open(self.directory + "/key", encoding="ascii") as file:
            return bytes.fromhex(file.read())


def runs(pid):
    return os.path.exists(f"/proc/{pid}") and open(f"/proc/{pid}/stat", encoding="ascii").read().split()[2] != "Z"


def ranks_arrive_together():
    """of many ranks that arrive together one starts crnode, and all find it"""
    with Started() as job:
        starters = [subprocess.Popen([NODE_START, job.directory, CRNODE], stdout=subprocess.PIPE) for _ in range(16)]
        answers = {(s.communicate(timeout=30)[0].decode().strip(), s.returncode) for s in starters}
        assert len(answers) == 1, answers
        job.run, code = answers.pop()
        assert code == 0
        with open(job.run + "/node.log", encoding="utf-8") as log:
            assert log.read().count(" serves job ") == 1
        assert Coordinator(job).hello.job == "started"


def what_the_record_says():
    """the record tells where crnode listens and what the job is; all files are the owner's alone"""
    with Started() as job:
        job.start(cwd="/usr")
        record = job.record()
        assert record.host == socket.gethostname() and list(record.address) == ["127.0.0.1"]
        assert record.working_directory == "/usr" and record.job == "started" and record.world_size == 2
        assert record.argument[:2] == [NODE_START, job.directory] and record.mpi_version == "none"
        assert runs(record.crnode_pid)
        for path, mode in ((job.directory, 0o700), (job.directory + "/key", 0o600), (job.run, 0o700),
                           (os.path.dirname(job.run), 0o700), (job.run + "/node.sock", 0o600),
                           (job.run + "/node.log", 0o600)):
            assert os.stat(path).st_mode & 0o777 == mode, path


def nothing_is_inherited():
    """crnode keeps no descriptor, session, directory or preloaded library of its starter"""
    with Started() as job:
        end, other = os.pipe()
        job.start(pass_fds=[other], env={**os.environ, "LD_LIBRARY_PATH": "/nowhere", "SECRET": "1"})
        os.close(other)
        assert os.read(end, 1) == b"", "the pipe is at its end although crnode lives"
        pid = job.record().crnode_pid
        assert os.getsid(pid) != os.getsid(0) and os.readlink(f"/proc/{pid}/cwd") == "/"
        with open(f"/proc/{pid}/environ", "rb") as environment:
            assert b"SECRET" not in environment.read()
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            parent = [line.split()[1] for line in status if line.startswith("PPid")][0]
        with open(f"/proc/{parent}/comm", encoding="ascii") as name:
            assert name.read().strip() != "node_start"


def signals_are_ignored():
    """crnode survives the signals with which launchers and terminals end jobs"""
    with Job(ranks=1) as job:
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGPIPE):
            job.node().send_signal(number)
        c = Coordinator(job)
        c.begin()
        assert c.run_to("SEAL").ranks == 1


def crnode_is_replaced():
    """a crnode that was killed is replaced: same job, same key, same ranks; a process that took a rank's pid is no rank"""
    with Started(world=3) as job:
        job.start()
        for rank in range(2):
            job.agents.append(Agent(job, rank))
            job.agents[-1].wait_for("registered")
        key, old = job.key(), job.record().crnode_pid
        kill(old)
        wait_until(lambda: not runs(old), "it is dead")
        with open(job.run + "/ranks", "a", encoding="ascii") as ranks:
            ranks.write(f"2 {os.getpid()} 1 0 3\nnonsense\n")
        result = subprocess.run([CRNODE, "--job-dir", job.directory, "--background"], timeout=20, check=False)
        assert result.returncode == 0 and job.record().crnode_pid != old and job.key() == key
        assert job.record().job == "started" and job.record().argument[0] == NODE_START
        assert sorted(r.rank for r in Coordinator(job).hello.rank) == [0, 1]
        result = subprocess.run([CRNODE, "--job-dir", job.directory, "--background"], timeout=20, check=False)
        assert result.returncode == 0, "one runs already: that is as good"


def the_last_rank_ends():
    """crnode ends with the last rank and takes its files with it; the next rank starts a new one"""
    with Started() as job:
        job.start()
        pid = job.record().crnode_pid
        job.agents.append(Agent(job, 0))
        job.agents[0].wait_for("registered")
        job.agents[0].end()
        wait_until(lambda: not runs(pid), "crnode ends")
        assert not os.path.exists(job.directory) and not os.path.exists(job.run)
        job.start()
        assert runs(job.record().crnode_pid)


def the_launcher_ends_without_ranks():
    """where the launcher ends before there was a rank, crnode does as well"""
    with subprocess.Popen(["sleep", "60"]) as launcher, Job(launcher=launcher.pid) as job:
        assert job.node().poll() is None
        launcher.kill()
        launcher.wait()
        wait_until(lambda: job.node().poll() is not None, "crnode ends")


def a_restarted_rank():
    """while one rank follows another within a second crnode stays"""
    with Job(ranks=1) as job:
        job.agents[0].end()
        time.sleep(0.3)
        job.agents.append(Agent(job, 0))
        job.agents[1].wait_for("registered")
        time.sleep(1.2)
        assert job.node().poll() is None and len(Coordinator(job).hello.rank) == 1


def a_process_that_may_become_a_rank():
    """crnode stays while a process lives that has looked for it, and ends when that has gone"""
    with Job(ranks=1) as job:
        code = ("import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.close(); "
                "print('seen', flush=True); sys.stdin.read()")
        with subprocess.Popen([sys.executable, "-c", code, job.run + "/node.sock"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as process:
            assert process.stdout.readline() == b"seen\n"
            Coordinator(job).close()
            job.agents[0].end()
            time.sleep(1.5)
            assert job.node().poll() is None
            process.stdin.close()
        assert job.node().wait(10) == 0


def the_same_rank_twice():
    """a second process that says it is the same rank, or of another job, is not taken"""
    with Job(ranks=2) as job:
        twin = Agent(job, 1)
        twin.wait_for("unregistered")
        job.world = 5
        stranger = Agent(job, 4)
        stranger.wait_for("unregistered")
        hello = Coordinator(job).hello
        assert sorted(r.pid for r in hello.rank) == sorted(a.process.pid for a in job.agents)
        twin.end()
        stranger.end()


def what_dead_jobs_left():
    """a new job removes what a dead one left beside it, and nothing else"""
    with Started() as job:
        dead, living, other = (job.home + "/jobs/" + n for n in ("dead", "living", "other"))
        host = socket.gethostname()
        for path, pid in ((dead, 0), (living, os.getpid())):
            os.mkdir(path, 0o700)
            record = wire.NodeRecord(host=host, crnode_pid=pid)
            with open(f"{path}/node-{host}.pb", "wb") as file:
                file.write(record.SerializeToString())
            with open(path + "/key", "w", encoding="ascii") as file:
                file.write("0" * 64)
        os.mkdir(other, 0o700)
        job.start()
        assert not os.path.exists(dead) and os.path.exists(living + "/key") and os.path.exists(other)
        os.unlink(f"{living}/node-{host}.pb")


def bad_arguments():
    """bad arguments: the usage and status 2; an unknown job: a text and status 1"""
    result = subprocess.run([CRNODE, "--nonsense"], capture_output=True, text=True, timeout=10, check=False)
    assert result.returncode == 2 and "usage: crnode" in result.stderr
    with tempfile.TemporaryDirectory(prefix="quiesce-node-test-") as home:
        os.mkdir(home + "/run", 0o700)
        result = subprocess.run([CRNODE, "--job-dir", home, "--run-dir", home + "/run/x"], capture_output=True,
                                text=True, timeout=10, check=False)
        assert result.returncode == 1 and "--job is missing" in result.stderr


def the_address_to_listen_on():
    """QUIESCE_LISTEN chooses the address, and a bad one is refused"""
    with Job(ranks=1, environment={"QUIESCE_LISTEN": "0.0.0.0"}) as job:
        assert "127.0.0.1" in job.record().address
        Coordinator(job)
        result = subprocess.run([CRNODE, "--job-dir", job.directory, "--run-dir", job.home + "/run/other", "--job", "x"],
                                capture_output=True, text=True, timeout=10, check=False,
                                env={**os.environ, "QUIESCE_LISTEN": "nowhere.example"})
        assert result.returncode == 1 and "not a numeric address" in result.stderr


def several_addresses():
    """crnode is told by which addresses others reach it: the record names them, also that of a crnode that takes its place"""
    with Job(ranks=1) as job:
        job.node().kill()
        job.node().wait()
        both = ["127.0.0.1", "127.0.0.2"]
        job.start_node("--job", "test", "--world-size", "1", "--listen", ",".join(both))
        assert list(job.record().address) == both
        Coordinator(job)
        job.node().kill()
        job.node().wait()
        job.start_node()
        assert list(job.record().address) == both
        assert Coordinator(job).hello.rank[0].pid == job.agents[0].process.pid
        job.node().kill()
        job.node().wait()
        job.start_node("--job", "test", "--world-size", "1", "--listen", both[1])
        assert list(job.record().address) == both[1:]
        Coordinator(job)


run_tests([ranks_arrive_together, what_the_record_says, nothing_is_inherited, signals_are_ignored, crnode_is_replaced,
           the_last_rank_ends, the_launcher_ends_without_ranks, a_restarted_rank, a_process_that_may_become_a_rank, the_same_rank_twice, what_dead_jobs_left, bad_arguments,
           the_address_to_listen_on, several_addresses])
