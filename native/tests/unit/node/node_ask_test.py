# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
"""A rank asks crnode for a checkpoint: crnode runs the command of its own installation, here one that does as a test wants."""
import atexit
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import support
from support import ERRORS, Job, pack, run_tests, wait_until, wire

PREFIX = tempfile.mkdtemp(prefix="quiesce-ask-test-")
COMMAND = PREFIX + "/bin/quiesce"
atexit.register(shutil.rmtree, PREFIX, ignore_errors=True)
os.makedirs(PREFIX + "/libexec/quiesce")
os.makedirs(PREFIX + "/bin")
shutil.copy(support.CRNODE, PREFIX + "/libexec/quiesce/crnode")
support.CRNODE = PREFIX + "/libexec/quiesce/crnode"


def command(text):
    """What `quiesce` does from now on."""
    with open(COMMAND + ".new", "w", encoding="ascii") as file:
        file.write("#!/bin/sh\n" + text + "\n")
    os.chmod(COMMAND + ".new", 0o755)
    os.rename(COMMAND + ".new", COMMAND)


def exchange(job, **body):
    """One connection to node.sock, one frame each way; None when it was closed instead."""
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(20)
        link.connect(job.run + "/node.sock")
        frame = wire.Frame()
        for name, message in body.items():
            getattr(frame, name).CopyFrom(message)
        link.sendall(pack(frame))
        data = b""
        while len(data) < 4 or len(data) < 4 + int.from_bytes(data[:4], "big"):
            more = link.recv(65536)
            if not more:
                return None
            data += more
        frame.ParseFromString(data[8:])
        return frame


def register(job):
    hello = wire.RankHello(pid=os.getpid(), rank=0, world_size=1, purpose="register")
    assert exchange(job, rank_hello=hello).WhichOneof("body") == "node_hello"


def ask(job, ticket=0):
    return exchange(job, checkpoint_request=wire.CheckpointRequest(ticket=ticket)).checkpoint_answer


def outcome(job):
    """Asks, and asks again until it is over."""
    answer = ask(job)
    end = time.monotonic() + 20
    while not answer.done:
        assert answer.ticket != 0 and time.monotonic() < end
        time.sleep(0.01)
        answer = ask(job, answer.ticket)
    return answer


class Rank(Job):
    """A job whose only rank is this process."""

    def __init__(self, **more):
        super().__init__(ranks=1, launcher=os.getpid(), **more)

    def __enter__(self):
        super().__enter__()
        register(self)
        return self


def committed():
    """The command's last line is the answer, and it hears which job is meant."""
    with Rank(environment={"CR_FAULT": "nowhere=kill", "QUIESCE_DIR": "/elsewhere"}) as job:
        command('echo "a warning" >&2; echo "$*,${CR_FAULT-unset},$QUIESCE_DIR" >' + PREFIX + '/heard\n'
                'echo "7 /some where/REF"')
        answer = outcome(job)
        assert (answer.error, answer.sequence, answer.reference) == (0, 7, "/some where/REF"), answer
        with open(PREFIX + "/heard", encoding="ascii") as heard:
            assert heard.read() == f"checkpoint --for-rank {job.directory},unset,/elsewhere\n"
        command('echo "8 /some where/REF"')
        assert outcome(job).sequence == 8


def failed():
    """A failure comes with the command's own words; the next request is another matter."""
    with Rank() as job:
        command('echo "quiesce: rank 3 holds something" >&2; exit 1')
        answer = outcome(job)
        assert answer.error != 0 and answer.text == "rank 3 holds something", answer
        command("exit 5")
        answer = outcome(job)
        assert answer.error == 1103 and "status 5" in answer.text, answer
        command("kill -9 $$")
        assert outcome(job).error != 0
        command('echo "nothing of that kind"')
        assert outcome(job).error != 0
        command('echo "1 /REF"')
        assert outcome(job).error == 0


def missing():
    """Without the command the rank is told so."""
    with Rank() as job:
        if os.path.exists(COMMAND):
            os.unlink(COMMAND)
        answer = outcome(job)
        assert answer.error == 1100 and "bin/quiesce is missing" in answer.text, answer


def one_at_a_time():
    """A second request meanwhile is told so; a ticket of another crnode is unknown."""
    with Rank() as job:
        command(f'while [ ! -e {PREFIX}/go ]; do sleep 0.02; done; echo "1 /REF"')
        first = ask(job)
        assert not first.done
        second = ask(job)
        assert second.done and second.error == ERRORS["BUSY"], second
        assert not ask(job, first.ticket).done
        assert ask(job, first.ticket + 1).error == 1100
        with open(PREFIX + "/go", "w", encoding="ascii"):
            pass
        wait_until(lambda: ask(job, first.ticket).done, "the command has ended")
        assert ask(job, first.ticket).sequence == 1


def strangers():
    """A process that is no rank is closed without an answer."""
    with Rank() as job:
        code = ("import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
                "s.sendall(bytes.fromhex(sys.argv[2])); sys.exit(len(s.recv(1)))")
        frame = pack(wire.Frame(checkpoint_request=wire.CheckpointRequest()))
        subprocess.run([sys.executable, "-c", code, job.run + "/node.sock", frame.hex()], check=True, timeout=20)
        assert "no rank, asks for a checkpoint" in job.log()


run_tests([committed, failed, missing, one_at_a_time, strangers])
