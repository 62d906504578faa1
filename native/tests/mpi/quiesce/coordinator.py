# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
"""A coordinator for tests: talks to the agents of one node's ranks directly, without crnode, and can be told to be unkind
(Begin in random order and apart from each other, late targets)."""
import ctypes
import os
import random
import select
import signal
import socket
import struct
import time

import wire_pb2 as wire

AGENT_SIGNAL = 61
SYS_RT_TGSIGQUEUEINFO = 297
PHASE_LIMIT_S = 40.0
QUIET_S = 0.004  # without a new report: only then are ranks released
NOISY_S = 0.050  # ranks that poll may report without end: a release does not wait longer for silence
libc = ctypes.CDLL(None, use_errno=True)


class Refused(Exception):
    """A rank said no, or the round did not converge; the job runs on."""


class Lost(Exception):
    """A rank went away."""


def crc32c_table():
    table = []
    for i in range(256):
        crc = i
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
        table.append(crc)
    return table


CRC = crc32c_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


def agent_of(pid):
    """The thread id of the agent in process PID; None while there is none."""
    try:
        for tid in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{tid}/comm") as f:
                if f.read() == "cr-agent\n":
                    return int(tid)
    except (FileNotFoundError, ProcessLookupError):
        pass
    return None


def wake(pid, value):
    info = (ctypes.c_char * 128)()
    struct.pack_into("iiiiiii", info, 0, AGENT_SIGNAL, 0, -1, 0, os.getpid(), os.getuid(), value)
    deadline = time.time() + 20
    while (tid := agent_of(pid)) is None:
        if time.time() > deadline:
            raise Lost(f"process {pid} has no agent")
        time.sleep(0.01)
    if libc.syscall(SYS_RT_TGSIGQUEUEINFO, pid, tid, AGENT_SIGNAL, info) != 0:
        raise Lost(f"process {pid}: {os.strerror(ctypes.get_errno())}")


class Rank:
    """The connection to one rank's agent, and what it has reported."""

    def __init__(self, connection):
        self.connection = connection
        self.buffer = b""
        self.report = None
        self.members = {}
        self.told = {}  # targets sent
        self.released = 0
        self.done = {}
        hello = self.next_frame(20).rank_hello
        self.rank, self.pid, self.generation = hello.rank, hello.pid, hello.generation

    def send(self, frame):
        data = frame.SerializeToString()
        self.connection.sendall(struct.pack(">II", len(data) + 4, crc32c(data)) + data)

    def parse(self):
        """The frames that have arrived completely."""
        while len(self.buffer) >= 8:
            length, crc = struct.unpack(">II", self.buffer[:8])
            if len(self.buffer) < length + 4:
                return
            data = self.buffer[8:length + 4]
            self.buffer = self.buffer[length + 4:]
            if crc32c(data) != crc:
                raise Lost(f"rank {self.rank}: damaged frame")
            frame = wire.Frame()
            frame.ParseFromString(data)
            yield frame

    def read(self):
        try:
            data = self.connection.recv(1 << 16)
        except ConnectionError:
            data = b""
        if not data:
            raise Lost(f"rank {getattr(self, 'rank', '?')}: connection ended")
        self.buffer += data

    def next_frame(self, timeout):
        self.connection.settimeout(timeout)
        while True:
            for frame in self.parse():
                self.connection.settimeout(None)
                return frame
            self.read()

    def take(self, frame):
        kind = frame.WhichOneof("body")
        if kind == "collective_report":
            self.report = frame.collective_report
            for group in frame.collective_report.group:
                self.members[(group.id_high, group.id_low)] = {
                    r for m in group.member for r in range(m.first, m.last + 1)}
        elif kind == "phase_done":
            result = frame.phase_done.result[0]
            if result.error:
                raise Refused(f"rank {self.rank}, phase {frame.phase_done.phase}: {result.text}")
            self.done[frame.phase_done.phase] = result

    def clocks(self):
        return {(c.id_high, c.id_low): c.sequence for c in self.report.clock}

    def waits_for(self):
        return {r for w in self.report.waits_for for r in range(w.first, w.last + 1)}


class Round:
    """One checkpoint. Use: converge(), phase() for each further phase, close()."""

    def __init__(self, pids, directory, sequence=1, skew=0.01, target_delay=0.0, seed=None):
        self.random = random.Random(seed)
        self.number = self.random.getrandbits(31)
        self.skew, self.target_delay = skew, target_delay
        self.releases = self.targets = 0
        self.times = {}
        value = self.random.getrandbits(31)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(b"\0" + f"quiesce/{os.getpid()}/{value}".encode())
            listener.listen(64)
            listener.settimeout(20)
            for pid in pids:
                wake(pid, value)
            self.ranks = sorted((Rank(listener.accept()[0]) for _ in pids), key=lambda r: r.rank)
        self.links = self.ranks
        self.prepare(directory, sequence)

    def prepare(self, directory, sequence):
        self.begin = wire.Frame(round=self.number)
        self.begin.begin.round = self.number
        self.begin.begin.sequence = sequence
        self.begin.begin.directory = directory
        self.begin.begin.world_size = len(self.ranks)

    def poll(self, timeout):
        """Takes what has come. Returns whether anything has."""
        news = False
        ready, _, _ = select.select([link.connection for link in self.links], [], [], timeout)
        for link in self.links:
            if link.connection in ready:
                link.read()
            for frame in link.parse():
                link.take(frame)
                news = True
        return news

    def command(self):
        return wire.Frame(round=self.number)

    def converge(self, limit=5.0, begun=None):
        """Collectives to a common count. BEGUN is called once when every rank has reported."""
        start = last_news = last_release = time.time()
        order = list(self.links)
        self.random.shuffle(order)
        to_begin = [(start + self.random.random() * self.skew, link) for link in order]
        late = []
        while True:
            now = time.time()
            for at, link in [x for x in to_begin if x[0] <= now]:
                link.send(self.begin)
                to_begin.remove((at, link))
            for x in [x for x in late if x[0] <= now]:
                x[1].send(x[2])
                late.remove(x)
            if self.poll(0.0005 if to_begin or late else 0.002):
                last_news = time.time()
            if any(r.report is None for r in self.ranks):
                continue
            if begun:
                begun()
                begun = None
            release = time.time() - last_news > QUIET_S or time.time() - last_release > NOISY_S
            if release:
                last_release = time.time()
            if self.look(late, release):
                break
            if time.time() - start > limit:
                self.cancel()
                raise Refused("did not converge: " + "; ".join(
                    f"{r.rank}: {'in ' if r.report.in_collective else ''}{'parked ' if r.report.parked else ''}"
                    f"waits for {sorted(r.waits_for())}" for r in self.ranks))
        self.times["collectives"] = time.time() - start

    def look(self, late, release):
        """Sends targets and releases; true when the collectives have converged."""
        highest = {}
        members = {}
        for r in self.ranks:
            members.update(r.members)
            for group, sequence in r.clocks().items():
                highest[group] = max(highest.get(group, 0), sequence)
        behind = set()
        for r in self.ranks:
            clocks = r.clocks()
            for group, sequence in highest.items():
                if r.rank in members[group] and clocks.get(group, 0) < sequence:
                    behind.add(r.rank)
                    if r.told.get(group, 0) < sequence:
                        self.tell(r, group, sequence, late)
        if not behind and all(not r.report.in_collective and r.released == r.report.releases_used
                              for r in self.ranks):
            return True
        if release:
            self.release(behind)
        return False

    def tell(self, rank, group, sequence, late):
        frame = self.command()
        clock = frame.targets.clock.add()
        clock.id_high, clock.id_low = group
        clock.sequence = sequence
        frame.targets.rank = rank.rank
        rank.told[group] = sequence
        self.targets += 1
        if self.target_delay:
            late.append((time.time() + self.target_delay, rank, frame))
        else:
            rank.send(frame)

    def release(self, behind):
        """Parked ranks that somebody who is behind waits for, directly or through others."""
        by_number = {r.rank: r for r in self.ranks}
        needed, seen, todo = set(), set(), list(behind)
        while todo:
            r = by_number[todo.pop()]
            if r.rank in seen:
                continue
            seen.add(r.rank)
            needed |= r.waits_for()
            todo += [w for w in r.waits_for() if not by_number[w].report.parked]
        for r in self.ranks:
            if r.rank in needed and r.report.parked and r.rank not in behind \
                    and r.released == r.report.releases_used:
                frame = self.command()
                frame.release.rank.append(r.rank)
                r.send(frame)
                r.released += 1
                self.releases += 1

    def phase(self, name):
        """Enters a phase on all ranks and waits for all. Returns the results."""
        number = wire.Phase.Value("PHASE_" + name)
        start = time.time()
        frame = self.command()
        frame.enter.phase = number
        for link in self.links:
            link.send(frame)
        while any(number not in r.done for r in self.ranks):
            self.poll(0.2)
            if time.time() - start > PHASE_LIMIT_S:
                self.close()
                raise Lost(f"phase {name} did not end on ranks "
                           f"{[r.rank for r in self.ranks if number not in r.done]}")
        self.times[name.lower()] = time.time() - start
        return [r.done[number] for r in self.ranks]

    def cancel(self):
        frame = self.command()
        frame.cancel.reason = "test"
        for link in self.links:
            link.send(frame)
        number = wire.Phase.Value("PHASE_RESUME")
        deadline = time.time() + 20
        while any(number not in r.done for r in self.ranks) and time.time() < deadline:
            self.poll(0.2)
        self.close()

    def close(self):
        for link in self.links:
            link.connection.close()

    def kill(self):
        for r in self.ranks:
            os.kill(r.pid, signal.SIGKILL)
        self.close()
