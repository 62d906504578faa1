# shellcheck shell=bash disable=SC2034 # variables are read by run.sh
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0

# A server with a client inside the tree, over TCP on the loopback interface.
needs=(redis-server redis-cli sh)
setup() {
    cat >job.sh <<'END'
redis-server --port 0 --unixsocket "$PWD/redis.sock" --save '' --appendonly no --daemonize no --logfile "$PWD/redis.log" --dir "$PWD" &
server=$!
until redis-cli -s "$PWD/redis.sock" ping >/dev/null 2>&1; do :; done
awk 'BEGIN { for (i = 0; i < 40000; i++) { print "incrby counter " i; print "rpush list " i % 13; if (i % 1000 == 0) print "lrange list -5 -1" } print "get counter"; print "llen list" }' |
    redis-cli -s "$PWD/redis.sock"
redis-cli -s "$PWD/redis.sock" shutdown nosave >/dev/null 2>&1
wait $server
END
}
job=(sh job.sh)
