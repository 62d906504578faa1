# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
"""What strangers, and peers that send nonsense, can do to crnode: nothing."""
import hashlib
import hmac
import os
import random
import socket
import struct
import subprocess
import sys
import time

from support import CRNODE, Coordinator, Job, crc32c, failures, pack, run_tests, wait_until, wire


def is_closed_silently(connection, seconds=8):
    """True if the other end closes and says nothing more."""
    connection.settimeout(seconds)
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def greet(job):
    connection = socket.create_connection(job.address(), timeout=5)
    data = b""
    while len(data) < 40:
        data += connection.recv(40 - len(data))
    return connection


def still_works(job):
    c = Coordinator(job)
    c.begin()
    assert c.run_to("SEAL").ranks == job.world
    c.send(end=wire.End(signal=0))


def a_wrong_key():
    """a wrong key: closed without a word, logged with the address"""
    with Job(ranks=1) as job:
        try:
            Coordinator(job, key=bytes(32))
            raise AssertionError("let in")
        except (EOFError, ConnectionResetError):
            pass
        wait_until(lambda: "refused: 127.0.0.1 port" in job.log(), "the refusal is in the log")
        assert "does not know the job's key" in job.log()
        still_works(job)


def a_replayed_answer():
    """an answer that was right for another connection is wrong for this one"""
    with Job(ranks=1) as job:
        heard, replay = socket.create_connection(job.address(), timeout=5), greet(job)
        greeting = heard.recv(40, socket.MSG_WAITALL)
        nonce = os.urandom(32)
        answer = nonce + hmac.new(job.key(), b"client" + greeting[8:] + nonce, hashlib.sha256).digest()
        replay.sendall(answer)
        assert is_closed_silently(replay)
        heard.sendall(answer)
        assert len(heard.recv(32, socket.MSG_WAITALL)) == 32


def a_frame_before_the_proof():
    """a command instead of a proof is not obeyed"""
    with Job(ranks=1) as job:
        connection = greet(job)
        connection.sendall(pack(wire.Frame(round=1, begin=wire.Begin(directory=job.partial()))) + bytes(64))
        assert is_closed_silently(connection)
        assert "BEGIN" not in job.agents[0].events()


def a_client_that_says_nothing():
    """who proves nothing is closed after five seconds, also when he sends a byte now and then"""
    with Job(ranks=1) as job:
        silent, slow = greet(job), greet(job)
        begin = time.monotonic()
        for _ in range(20):
            try:
                slow.sendall(b"x")
            except (BrokenPipeError, ConnectionResetError):
                break
            time.sleep(0.3)
        assert is_closed_silently(silent) and is_closed_silently(slow)
        assert 4 < time.monotonic() - begin < 8, time.monotonic() - begin
        assert "has not proved the key in 5 s" in job.log()
        still_works(job)


def many_strangers():
    """two hundred strangers do not keep a coordinator out"""
    with Job(ranks=1) as job:
        strangers = [socket.create_connection(job.address(), timeout=5) for _ in range(200)]
        still_works(job)
        job.check_memory()
        for stranger in strangers:
            stranger.close()


def broken_frames():
    """a coordinator whose bytes are no frames is closed; a round of its own is cancelled"""
    good = pack(wire.Frame(query=wire.Query()))
    broken = [struct.pack(">II", 0xFFFFFFFF, 0), struct.pack(">II", 3, 0), struct.pack(">II", 1 << 20, 0),
              good[:4] + b"\0\0\0\0" + good[8:], struct.pack(">II", 8, crc32c(b"\xff\xff\xff\xff")) + b"\xff\xff\xff\xff"]
    with Job(ranks=2) as job:
        for number, data in enumerate(broken):
            c = Coordinator(job)
            c.begin()
            c.run_to("STOP")
            c.socket.sendall(data)
            try:
                while True:
                    c.receive()
            except (EOFError, ConnectionResetError):
                pass
            wait_until(lambda n=number: all(a.events().count("CANCELLED") == n + 1 for a in job.agents), "all go on")
            # Only then its directory is gone, and no one takes away that of the next one.
            wait_until(lambda n=number: job.log().count("is cancelled, all ranks go on") == n + 1, "the round is over")
            os.makedirs(job.partial(), mode=0o700, exist_ok=True)
        still_works(job)


def frames_in_pieces():
    """frames are understood whatever pieces they come in"""
    with Job(ranks=1) as job:
        c = Coordinator(job)
        for byte in pack(wire.Frame(query=wire.Query())):
            c.socket.sendall(bytes([byte]))
        c.next("node_status")
        c.socket.sendall(pack(wire.Frame(query=wire.Query())) * 500)
        for _ in range(500):
            c.next("node_status")


def random_messages():
    """random changes to messages with right checksums never end crnode"""
    generator = random.Random(7)
    release = wire.Release(rank=range(300))
    reports = wire.CollectiveReport(rank=1, clock=[wire.GroupClock(id_high=1, id_low=2, sequence=3)] * 9)
    samples = [wire.Frame(round=1, release=release), wire.Frame(round=1, collective_report=reports),
               wire.Frame(round=1, phase_done=wire.PhaseDone(result=[wire.RankResult(text="x" * 500)] * 3)),
               wire.Frame(round=9, targets=wire.Targets(clock=[wire.GroupClock(sequence=5)] * 50, rank=0))]
    with Job(ranks=1) as job:
        for _ in range(300):
            c = Coordinator(job)
            message = bytearray(generator.choice(samples).SerializeToString())
            for _ in range(generator.randrange(4)):
                message[generator.randrange(len(message))] = generator.randrange(256)
            c.socket.sendall(struct.pack(">II", len(message) + 4, crc32c(message)) + message)
            c.close()
        still_works(job)


def nonsense_on_the_local_socket():
    """whoever says nonsense on the local socket is closed"""
    with Job(ranks=1) as job:
        for data in (b"GET / HTTP/1.0\r\n\r\n", b"\0" * 100, pack(wire.Frame(query=wire.Query())),
                     pack(wire.Frame(rank_hello=wire.RankHello(rank=7, world_size=2, purpose="register")))):
            local = socket.socket(socket.AF_UNIX)
            local.connect(job.run + "/node.sock")
            local.sendall(data)
            assert is_closed_silently(local)
        assert len(Coordinator(job).hello.rank) == 1
        still_works(job)


def another_user():
    """another user's connection to the local socket is closed and logged, even if he can reach it"""
    if os.geteuid() != 0:
        return
    with Job(ranks=1) as job:
        for path, mode in ((job.home, 0o755), (job.home + "/run", 0o755), (job.run, 0o755), (job.run + "/node.sock", 0o777)):
            os.chmod(path, mode)
        code = ("import os,socket,sys; os.setuid(65534); s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); "
                "s.settimeout(5); sys.exit(0 if s.recv(1) == b'' else 1)")
        assert subprocess.run([sys.executable, "-c", code, job.run + "/node.sock"], check=False).returncode == 0
        assert "refused: local connection of user 65534" in job.log()


def start_alone(*arguments):
    return subprocess.run([CRNODE, *arguments], capture_output=True, text=True, timeout=20, check=False)


def a_run_directory_that_is_not_ours():
    """a run directory that is a link, or that others may enter, is refused"""
    with Job(ranks=0) as job:
        os.symlink(job.run, job.home + "/run/link")
        os.mkdir(job.home + "/run/open", 0o777)
        os.chmod(job.home + "/run/open", 0o777)
        os.mkdir(job.home + "/open-parent")
        os.chmod(job.home + "/open-parent", 0o755)
        for run, reason in (("run/link", "is not a directory"), ("run/open", "chmod 700"),
                            ("open-parent/x", "may be entered by others")):
            result = start_alone("--job-dir", job.directory, "--run-dir", f"{job.home}/{run}", "--job", "x")
            assert result.returncode == 1 and reason in result.stderr, result


def a_key_that_others_can_read():
    """a key that others can read, or that is no key, is refused"""
    with Job(ranks=0) as job:
        other = job.home + "/other"
        os.mkdir(other, 0o700)
        for content, mode, reason in (("0" * 64, 0o640, "we alone may read"), ("xyz", 0o600, "64 hexadecimal digits")):
            with open(other + "/key", "w", encoding="ascii") as key:
                key.write(content)
            os.chmod(other + "/key", mode)
            result = start_alone("--job-dir", other, "--run-dir", job.home + "/run/other", "--job", "x")
            assert result.returncode == 1 and reason in result.stderr, result


def no_directory_in_begin():
    """images are written to an absolute path or not at all"""
    with Job(ranks=2) as job:
        c = Coordinator(job)
        c.round = 5
        c.send(begin=wire.Begin(directory="relative/0.partial"))
        assert "absolute" in failures(c.done())[0].text


run_tests([a_wrong_key, a_replayed_answer, a_frame_before_the_proof, a_client_that_says_nothing, many_strangers,
           broken_frames, frames_in_pieces, random_messages, nonsense_on_the_local_socket, another_user,
           a_run_directory_that_is_not_ours, a_key_that_others_can_read, no_directory_in_begin])
