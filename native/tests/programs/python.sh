# shellcheck shell=bash disable=SC2034 # variables are read by run.sh
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0

# Threads, a subprocess with pipes, files, and a chain of hashes.
needs=(/usr/bin/python3)
setup() {
    cat >job.py <<'END'
import hashlib, queue, subprocess, threading

def chain(seed, n):
    h = hashlib.sha256(seed)
    for _ in range(n):
        h = hashlib.sha256(h.digest())
    return h.hexdigest()

work, done = queue.Queue(), queue.Queue()
def serve():
    while (item := work.get()) is not None:
        done.put((item, chain(b"%d" % item, 20000)))
threads = [threading.Thread(target=serve) for _ in range(4)]
for t in threads: t.start()
bc = subprocess.Popen(["sed", "-u", "s/^/echo /"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
results = {}
for i in range(120): work.put(i)
for i in range(120):
    item, value = done.get()
    results[item] = value
    bc.stdin.write("%d\n" % i); bc.stdin.flush()
    assert bc.stdout.readline() == "echo %d\n" % i
for t in threads: work.put(None)
for t in threads: t.join()
bc.stdin.close(); bc.wait()
with open("file", "w") as f:
    for i in sorted(results): print(i, results[i], file=f)
print(chain("".join(results[i] for i in sorted(results)).encode(), 1000))
END
}
job=(/usr/bin/python3 job.py)
results=(out file)
