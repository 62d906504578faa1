# shellcheck shell=bash disable=SC2034 # variables are read by run.sh
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0

# A master with two workers, and a client that fetches files over loopback.
needs=(nginx /usr/bin/python3)
setup() {
    mkdir -p html tmp logs
    for ((i = 0; i < 20; i++)); do seq 1 $((i * 997 + 10)) >"html/f$i"; done
    port=$((20000 + RANDOM % 12000))
    cat >nginx.conf <<END
worker_processes 2; daemon off; pid $PWD/nginx.pid; error_log $PWD/logs/error.log; user root;
events { worker_connections 64; }
http { access_log off; client_body_temp_path $PWD/tmp; proxy_temp_path $PWD/tmp; fastcgi_temp_path $PWD/tmp;
  uwsgi_temp_path $PWD/tmp; scgi_temp_path $PWD/tmp; keepalive_requests 100000;
  server { listen 127.0.0.1:$port; root $PWD/html; } }
END
    cat >job.py <<END
import hashlib, http.client, subprocess, time
server = subprocess.Popen(["nginx", "-p", "$PWD", "-c", "$PWD/nginx.conf"])
deadline = time.monotonic() + 20
while True:
    try:
        c = http.client.HTTPConnection("127.0.0.1", $port); c.request("GET", "/f0"); c.getresponse().read(); break
    except OSError:
        assert time.monotonic() < deadline
h = hashlib.sha256()
for i in range(1500):
    c.request("GET", "/f%d" % (i % 20))
    r = c.getresponse(); h.update(r.read()); assert r.status == 200
print(h.hexdigest())
c.close(); server.terminate(); print(server.wait())
END
}
job=(/usr/bin/python3 job.py)
