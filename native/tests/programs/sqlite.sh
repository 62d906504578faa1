# shellcheck shell=bash disable=SC2034 # variables are read by run.sh
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0

# In the middle of a transaction: the journal, its locks and the half-written database must be as they were.
needs=(sqlite3)
setup() {
    {
        echo 'create table t(a integer primary key, b text, c integer); begin;'
        for ((i = 0; i < 120000; i++)); do
            echo "insert into t values($i, 'row $i of the table', $(((i * 7919) % 10007)));"
        done
        echo 'commit; create index i on t(c); begin; update t set c = c * 2 where a % 3 = 0; delete from t where a % 7 = 0; commit;'
        echo 'select count(*), sum(c), max(b) from t; pragma integrity_check;'
    } >script.sql
}
job=(sqlite3 -init script.sql base.db .quit)
job=(sh -c 'sqlite3 base.db < script.sql && sqlite3 base.db .dump')
