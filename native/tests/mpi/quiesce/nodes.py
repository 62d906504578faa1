# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
"""The coordinator of a job on several nodes: as coordinator.py, but through the crnodes of the nodes."""
import glob
import hashlib
import hmac
import os
import random
import socket
import time

import coordinator
import wire_pb2 as wire


class State:
    """What is known of a rank; what is sent to it goes to its node, which passes it on."""

    def __init__(self, node, info):
        self.rank, self.pid = info.rank, info.pid
        self.send = node.send
        self.report = None
        self.members = {}
        self.told = {}
        self.released = 0
        self.done = {}

    clocks = coordinator.Rank.clocks
    waits_for = coordinator.Rank.waits_for


class Node(coordinator.Rank):
    """The connection to a crnode."""

    def __init__(self, record, key):
        self.rank = record.host
        self.buffer = b""
        self.connection = socket.create_connection((record.address[0], record.port), 20)
        greeting = self.exactly(40)
        mine = os.urandom(32)
        self.connection.sendall(mine + hmac.new(key, b"client" + greeting[8:] + mine, hashlib.sha256).digest())
        if self.exactly(32) != hmac.new(key, b"server" + mine + greeting[8:], hashlib.sha256).digest():
            raise coordinator.Lost(f"{record.host} does not know the key")
        hello = self.next_frame(20).node_hello
        self.states = {info.rank: State(self, info) for info in hello.rank}

    def exactly(self, size):
        while len(self.buffer) < size:
            self.read()
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def take(self, frame):
        kind = frame.WhichOneof("body")
        if kind == "collective_report":
            coordinator.Rank.take(self.states[frame.collective_report.rank], frame)
        elif kind == "rank_lost":
            raise coordinator.Lost(f"rank {frame.rank_lost.rank}: {frame.rank_lost.reason}")
        elif kind == "phase_done":
            done = frame.phase_done
            for result in done.result:
                if result.error:
                    raise coordinator.Refused(f"rank {result.rank}, phase {done.phase}: {result.text}")
                self.states[result.rank].done[done.phase] = result
            for state in self.states.values():
                state.done.setdefault(done.phase, wire.RankResult(rank=state.rank))


class Round(coordinator.Round):
    """One checkpoint of the job that meets in DIRECTORY and has WORLD ranks."""

    def __init__(self, job, world, directory, sequence=1, skew=0.01, target_delay=0.0, seed=None, alive=lambda: True):
        self.random = random.Random(seed)
        self.number = self.random.getrandbits(31)
        self.skew, self.target_delay = skew, target_delay
        self.releases = self.targets = 0
        self.times = {}
        self.links = []
        self.connect(job, world, alive)
        self.ranks = sorted((s for link in self.links for s in link.states.values()), key=lambda s: s.rank)
        self.prepare(directory, sequence)

    def connect(self, job, world, alive):
        """Once all ranks have registered."""
        deadline = time.time() + 60
        while sum(len(link.states) for link in self.links) != world:
            if time.time() > deadline or not alive():
                raise coordinator.Lost("not all ranks have registered")
            self.close()
            time.sleep(0.1)  # a crnode takes sixteen connections at a time, those that it has not seen close included
            try:
                self.links = [Node(record, key_of(job)) for record in records_of(job)]
            except (OSError, coordinator.Lost):
                self.links = []

    def kill(self):
        """Of a job whose images are sealed."""
        frame = self.command()
        frame.end.signal = 9
        for link in self.links:
            link.send(frame)
        self.close()


def key_of(job):
    with open(job + "/key", encoding="ascii") as file:
        return bytes.fromhex(file.read().strip())


def records_of(job):
    records = []
    for path in glob.glob(job + "/node-*.pb"):
        record = wire.NodeRecord()
        with open(path, "rb") as file:
            record.ParseFromString(file.read())
        records.append(record)
    return records
