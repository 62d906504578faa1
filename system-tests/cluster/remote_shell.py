#!/usr/bin/python3
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
"""Commands on other nodes of a test cluster, as by ssh, for mpirun's plm_rsh_agent.

remote_shell.py serve DIR          pid 1 of a node: runs what users of other nodes ask for, and reaps
remote_shell.py run DIR HOST WORD... runs the words, joined, by a shell on HOST; ends as that ends, or with 255

The command travels through a Unix socket, whose peer the kernel names, with the caller's standard streams. That works over a cut
network, so the caller first connects to the node by TCP.
"""
import array
import grp
import json
import os
import pwd
import signal
import socket
import struct
import sys

PORT = 22
CONNECT_S = 10
MESSAGE_MAX = 65536
PATH = "/srv/quiesce/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"


def address(directory, host):
    return f"{directory}/run/{host}.shell"


# ---- the node ----

def environment(user):
    return {"PATH": PATH, "HOME": user.pw_dir, "USER": user.pw_name, "LOGNAME": user.pw_name, "SHELL": user.pw_shell,
            "LANG": "C.UTF-8"}


def become(uid):
    user = pwd.getpwuid(uid)
    os.setsid()
    os.setgroups([g.gr_gid for g in grp.getgrall() if user.pw_name in g.gr_mem] + [user.pw_gid])
    os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
    os.setresuid(uid, uid, uid)
    os.chdir(user.pw_dir)
    return environment(user)


def execute(uid, command, streams):
    """In a child: never returns."""
    try:
        env = become(uid)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        os.closerange(3, 1024)
        os.execve("/bin/sh", ["sh", "-c", command], env)
    except (OSError, KeyError) as problem:
        print(f"remote_shell: {problem}", file=sys.stderr, flush=True)
    os._exit(255)


def receive(connection):
    """The command and the caller's three streams."""
    data, ancillary, _, _ = connection.recvmsg(MESSAGE_MAX, socket.CMSG_SPACE(3 * 4))
    streams = array.array("i")
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            streams.frombytes(content[:len(content) - len(content) % streams.itemsize])
    return json.loads(data), list(streams)


def attend(connection):
    """In a child, for one connection: never returns."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    try:
        command, streams = receive(connection)
        pid = os.fork()
        if pid == 0:
            execute(uid, command, streams)
        for stream in streams:
            os.close(stream)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        connection.sendall(bytes([status if status >= 0 else 128 - status]))
    except (OSError, ValueError):
        os._exit(1)
    os._exit(0)


def answer_calls(listener):
    """In a child, for ever: whoever can connect knows that the network reaches this node."""
    while True:
        listener.accept()[0].close()


def serve(directory):
    calls = socket.create_server(("", PORT), backlog=64)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    path = address(directory, socket.gethostname())
    listener.bind(path + ".new")
    os.chmod(path + ".new", 0o666)
    listener.listen(64)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps all that this process inherits
    if os.fork() == 0:
        answer_calls(calls)
    calls.close()
    os.rename(path + ".new", path)
    while True:
        connection, _ = listener.accept()
        if os.fork() == 0:
            attend(connection)
        connection.close()


# ---- the caller ----

def run(directory, host, words):
    try:
        socket.create_connection((host, PORT), CONNECT_S).close()
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.connect(address(directory, host))
        rights = array.array("i", [0, 1, 2])
        connection.sendmsg([json.dumps(" ".join(words)).encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
        status = connection.recv(1)
    except OSError as problem:
        print(f"remote_shell: {host}: {problem}", file=sys.stderr)
        return 255
    return status[0] if status else 255


def main(words):
    if len(words) == 2 and words[0] == "serve":
        return serve(words[1])
    if len(words) > 3 and words[0] == "run":
        return run(words[1], words[2], words[3:])
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
