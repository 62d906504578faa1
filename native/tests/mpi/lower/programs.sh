#!/bin/bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016 # what is in single quotes is for other shells
# programs.sh CR_MPIRANK FOLDER-OF-TEST-PROGRAMS: programs of all kinds, started by cr_mpirank alone, run as if started natively.
rank=$1
folder=$2
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
count=0
failures=0

# ok STATUS TEXT
ok() {
    count=$((count + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $count - $2"
    else
        echo "not ok $count - $2"
        failures=$((failures + 1))
    fi
}

skip() {
    count=$((count + 1))
    echo "ok $count - $1 # SKIP not installed"
}

# same TEXT PROGRAM ARGUMENT...: output and exit code are those of the native run. A missing part of the installation is
# said on standard error, so that is not compared.
same() {
    text=$1
    shift
    timeout 60 "$@" > native.out 2> /dev/null < /dev/null
    native=$?
    timeout 60 "$rank" "$@" > ours.out 2> ours.err < /dev/null
    ours=$?
    cmp -s native.out ours.out && [ $native -eq $ours ]
    ok $? "$text"
    if [ $native -ne $ours ]; then
        echo "# exit code $ours, natively $native"
        sed 's/^/# /' ours.err
    fi
}

# refused TEXT CODE PATTERN PROGRAM...: one line, and the exit code.
refused() {
    text=$1 code=$2 pattern=$3
    shift 3
    timeout 60 "$rank" "$@" > ours.out 2> ours.err
    rc=$?
    grep -v 'cannot be checkpointed$' ours.err > lines
    [ $rc -eq "$code" ] && [ ! -s ours.out ] && grep -q "$pattern" ours.err
    ok $? "$text"
    [ $rc -eq "$code" ] || echo "# exit code $rc, expected $code"
}

same 'echo, arguments with blanks' /bin/echo 'a  b' '' c
same 'a program found in PATH' uname -a
same 'exit code' sh -c 'exit 37'
same 'environment' env -u _
same 'a shell with children, pipes and a job' bash -c 'ls / | sort | head -3; sleep 0.1 & wait; echo done'
same 'exec in the application' sh -c 'exec echo replaced'
same 'position-independent program' "$folder/lower_hello" 1 2
same 'program at a fixed address' "$folder/lower_hello_fixed" 1 2
same 'program bound at its start' "$folder/lower_hello_now" 1 2
if [ -x "$folder/lower_hello_static" ]; then
    refused 'a static program is refused' 126 'linked statically' "$folder/lower_hello_static"
else
    skip 'a static program is refused'
fi
refused 'a missing program' 127 'no such program' ./missing
refused 'a program that PATH does not have' 127 'in PATH' no-such-program-anywhere
refused 'a directory' 126 'is a directory' /tmp

printf '#!/bin/sh -e\necho "$0" "$#" "$1"\n' > script
printf '#!%s/script\n' "$work" > script2
printf '#!/usr/bin/env bash\necho "$0" "$1" "${BASH_VERSION%%%%.*}"\nexit 5\n' > script3
printf 'echo no interpreter\n' > script4
chmod +x script script2 script3 script4
same 'a script' ./script 'x y' z
same 'a script whose interpreter is a script' ./script2 'x y' z
same 'a script through env' ./script3 'x y' z
refused 'a script without interpreter' 126 'neither an ELF program' ./script4

[ "$(echo piped | timeout 10 "$rank" cat 2> /dev/null)" = piped ]
ok $? 'standard input and output'
[ "$(timeout 10 "$rank" bash -c 'grep -c cr_mpirank /proc/self/maps; true' 2> /dev/null)" = 0 ]
ok $? 'children are native processes'
timeout 10 "$rank" env nice bash -c 'exec grep -q cr_mpirank /proc/self/maps' 2> /dev/null
ok $? 'what the program of a rank replaces itself by is the program of a rank'
[ "$(timeout 10 "$rank" bash -c 'exec -a other bash -c "echo \$0"' 2> /dev/null)" = other ]
ok $? 'with the argv[0] that it was given'
if [ -x "$folder/lower_hello_static" ]; then
    timeout 10 "$rank" env "$folder/lower_hello_static" > /dev/null 2>&1
    [ $? -eq 42 ]
    ok $? 'or a native process where that is not possible'
fi
[ "$(timeout 10 "$rank" bash -c 'read -r c < /proc/$$/comm; echo "$c"' 2> /dev/null)" = bash ]
ok $? 'the process has the name of the program'

[ "$(ulimit -S -s unlimited; timeout 10 "$rank" bash -c 'ulimit -s' 2> /dev/null)" = unlimited ]
ok $? 'unlimited stack, also for the application'
(ulimit -S -v 4000000; timeout 10 "$rank" "$folder/lower_hello" > /dev/null 2>&1; [ $? -eq 42 ])
ok $? 'a soft limit of the address space leaves the application its part'
if command -v setarch > /dev/null; then
    [ "$(setarch -R timeout 10 "$rank" echo a 2> /dev/null)" = a ]
    ok $? 'without randomized addresses'
    [ "$(setarch -L timeout 10 "$rank" bash -c 'cat /proc/self/personality' 2> /dev/null)" = 00200000 ]
    ok $? 'with the compatible address layout'
fi
LD_PRELOAD=libz.so.1 QUIESCE_MPIRANK_X=1 OMPI_MCA_orte_fork_agent=x timeout 10 "$rank" env > env.out 2> /dev/null
grep -q '^LD_PRELOAD=libz.so.1$' env.out && ! grep -q 'QUIESCE_MPIRANK\|fork_agent\|opal_signal\|UCX_' env.out
ok $? 'what is between mpirun and us does not reach the application'

timeout 10 "$rank" sleep 60 2> /dev/null &
pid=$!
sleep 0.5
kill -TERM $pid
wait $pid
[ $? -eq 143 ]
ok $? 'SIGTERM ends the application'
timeout -s INT 0.5 "$rank" sh -c 'trap "exit 9" INT; while :; do sleep 0.1; done' 2> /dev/null
[ $? -eq 124 ]
ok $? 'a handler of the application runs'

if command -v python3 > /dev/null; then
    same 'Python with threads' python3 -c 'import threading as t; r=[]; x=[t.Thread(target=r.append, args=(i,)) for i in range(4)]; [y.start() for y in x]; [y.join() for y in x]; print(sum(r))'
else
    skip 'Python with threads'
fi
if command -v java > /dev/null; then
    same 'Java' java -version
else
    skip 'Java'
fi
echo "1..$count"
[ $failures -eq 0 ]
