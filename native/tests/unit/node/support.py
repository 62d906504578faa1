# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
"""A job with a real crnode, fake agents, and a coordinator written without our C code."""
import hashlib
import hmac
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import traceback

try:
    import wire_pb2 as wire
except ImportError as missing:
    print(f"1..0 # SKIP {missing}")
    sys.exit(77)

CRNODE, FAKE_AGENT, NODE_START = sys.argv[1:4]
ERRORS = {"BUSY": 1101, "REFUSED": 1102, "RANKLOST": 1106, "NOTREADY": 1108, "PROTOCOL": 1500}
TABLE = []
for index in range(256):
    value = index
    for _ in range(8):
        value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    TABLE.append(value)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def pack(frame):
    message = frame.SerializeToString()
    return struct.pack(">II", len(message) + 4, crc32c(message)) + message


def wait_until(condition, what, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.005)


class Coordinator:
    """One authenticated connection."""

    def __init__(self, job, key=None, timeout=10):
        self.round = 0
        self.job = job
        self.socket = socket.create_connection(job.address(), timeout=timeout)
        self.socket.settimeout(timeout)
        greeting = self.read(40)
        assert greeting[:8] == b"QSCEv1\0\0", greeting
        client = os.urandom(32)
        key = job.key() if key is None else key
        self.socket.sendall(client + hmac.new(key, b"client" + greeting[8:] + client, hashlib.sha256).digest())
        proof = hmac.new(key, b"server" + client + greeting[8:], hashlib.sha256).digest()
        assert hmac.compare_digest(self.read(32), proof), "crnode does not know the key"
        self.hello = self.next("node_hello").node_hello

    def read(self, size):
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def receive(self):
        length, crc = struct.unpack(">II", self.read(8))
        message = self.read(length - 4)
        assert crc32c(message) == crc
        frame = wire.Frame()
        frame.ParseFromString(message)
        return frame

    def next(self, *kinds):
        """The next frame of one of KINDS; others are passed over."""
        while True:
            frame = self.receive()
            if frame.WhichOneof("body") in kinds:
                return frame

    def send(self, **body):
        frame = wire.Frame(round=self.round)
        for name, message in body.items():
            getattr(frame, name).CopyFrom(message)
        self.socket.sendall(pack(frame))

    def done(self):
        return self.next("phase_done").phase_done

    def begin(self, **more):
        self.round += 1
        self.send(begin=wire.Begin(round=self.round, sequence=0, directory=self.job.partial(),
                                   world_size=self.job.world, **more))

    def enter(self, name):
        self.send(enter=wire.Enter(phase=wire.Phase.Value("PHASE_" + name)))

    def cancel(self):
        """Cancels and waits until everybody goes on."""
        self.send(cancel=wire.Cancel(reason="a test wants it"))
        while wire.Phase.Name(self.done().phase) != "PHASE_RESUME":
            pass

    def run_to(self, last, check=True):
        """Begin and the phases up to LAST; returns the answer to LAST."""
        answer = self.done()
        for name in ("STOP", "DRAIN", "DUMP", "RESUME", "SEAL"):
            if check:
                assert not failures(answer), answer
            if last == "COLLECTIVES":
                break
            self.enter(name)
            answer = self.done()
            if name == last:
                break
        return answer

    def close(self):
        self.socket.close()


def failures(done):
    return [r for r in done.result if r.error != 0]


class Agent:
    def __init__(self, job, rank, *options):
        self.rank = rank
        self.log = os.path.join(job.home, f"agent-{rank}.log")
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen([FAKE_AGENT, job.run + "/node.sock", str(rank), str(job.world), *options],
                                            stdout=out)

    def events(self):
        with open(self.log, encoding="ascii") as log:
            return log.read().split()

    def has_said(self, *words):
        return any(w in self.events() for w in words)

    def was_left_alone(self):
        return self.has_said("BROKEN") and not self.has_said("BEGIN")

    def wait_for(self, *words):
        wait_until(lambda: self.has_said(*words), f"rank {self.rank} says {words}")

    def end(self):
        self.process.kill()
        self.process.wait()


class Job:
    """Use as `with Job(ranks=2) as job`; OPTIONS: per rank, for the fake agent. With a LAUNCHER (a pid) no rank has arrived."""

    def __init__(self, ranks=2, options=None, environment=None, launcher=None):
        self.world = ranks
        self.launcher = launcher
        self.options = options or {}
        self.environment = dict(os.environ, **(environment or {}))
        self.environment.pop("QUIESCE_JOB_DIR", None)

    def __enter__(self):
        self.home = tempfile.mkdtemp(prefix="quiesce-node-test-")
        self.directory = self.home + "/job"
        self.run = self.home + "/run/job"
        os.mkdir(self.home + "/run", 0o700)
        os.mkdir(self.home + "/images", 0o700)
        os.mkdir(self.partial(), 0o700)
        self.agents = []
        self.nodes = []
        self.start_node("--job", "test", "--world-size", str(self.world),
                        *(["--launcher-pid", str(self.launcher)] if self.launcher else []))
        for rank in range(0 if self.launcher else self.world):
            self.agents.append(Agent(self, rank, *self.options.get(rank, self.options.get("all", []))))
        for agent in self.agents:
            agent.wait_for("registered", "unregistered")
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            for name in [self.home + "/node.log"] + [a.log for a in self.agents]:
                with open(name, encoding="utf-8") as log:
                    print(f"# {name}:", *log.read().splitlines(), sep="\n#   ")
        for agent in self.agents:
            agent.end()
        for node in self.nodes:
            node.kill()
            node.wait()
        shutil.rmtree(self.home)

    def start_node(self, *arguments):
        before = self.record_bytes()
        with open(self.home + "/node.log", "ab") as log:
            node = subprocess.Popen([CRNODE, "--job-dir", self.directory, "--run-dir", self.run, *arguments],
                                    stderr=log, env=self.environment)
        self.nodes.append(node)
        wait_until(lambda: self.record_bytes() != before or node.poll() is not None, "crnode writes its record")
        assert node.poll() is None, "crnode has ended"

    def node(self):
        return self.nodes[-1]

    def log(self):
        with open(self.home + "/node.log", encoding="utf-8") as log:
            return log.read()

    def record_path(self):
        return f"{self.directory}/node-{socket.gethostname()}.pb"

    def record_bytes(self):
        try:
            with open(self.record_path(), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def record(self):
        record = wire.NodeRecord()
        record.ParseFromString(self.record_bytes())
        return record

    def address(self):
        record = self.record()
        return record.address[0], record.port

    def key(self):
        with open(self.directory + "/key", encoding="ascii") as file:
            return bytes.fromhex(file.read())

    def check_memory(self):
        """crnode has never held more than 4 MiB; a sanitizer's own memory does not count."""
        with open(CRNODE, "rb") as program:
            if b"__asan_init" in program.read():
                return
        with open(f"/proc/{self.node().pid}/status", encoding="ascii") as status:
            most = [int(line.split()[1]) for line in status if line.startswith("VmHWM")][0]
        print(f"# crnode's memory: at most {most} KiB")
        assert most <= 4096

    def partial(self):
        return self.home + "/images/0.partial"

    def images(self):
        return sorted(os.listdir(self.partial())) if os.path.isdir(self.partial()) else None

    def all_go_on(self, *words):
        """Every agent that lives has said one of WORDS, or the round ended before it had begun there: it is not stopped."""
        for agent in self.agents:
            if agent.process.poll() is None:
                wait_until(lambda a=agent: a.has_said(*words) or a.was_left_alone(), f"rank {agent.rank} says {words}")


def run_tests(tests):
    """TAP: each function is a test point, its docstring says what should be true."""
    failed = 0
    print(f"1..{len(tests)}")
    for number, test in enumerate(tests, 1):
        try:
            test()
            print(f"ok {number} - {test.__doc__}", flush=True)
        except Exception:  # a test point that breaks is a test point that fails
            failed += 1
            print(f"not ok {number} - {test.__doc__}")
            print("# " + traceback.format_exc().replace("\n", "\n# "), flush=True)
    sys.exit(1 if failed else 0)


def kill(pid):
    os.kill(pid, signal.SIGKILL)
