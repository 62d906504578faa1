#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# A cluster of several nodes on one machine, for tests and for trying Quiesce. Needs root.
#
#   cluster.sh start DIR [--nodes N] [--cpus C] [--slurm yes|no] [--conf FRAGMENT] [--plugstack FILE]
#                        [--product PREFIX] [--share PATH]...
#   cluster.sh stop DIR                      ends every process of it
#   cluster.sh exec DIR NODE [--user NAME|UID] COMMAND...   runs a command on ctl, n1, n2 ...; a node has root, alice and bob
#   cluster.sh mpirun DIR [--user NAME|UID] ARGUMENT...     mpirun on ctl: no Slurm, no ssh
#   cluster.sh power-off DIR NODE            the node is gone at once, as when its power fails
#   cluster.sh power-on DIR NODE
#   cluster.sh cut DIR NODE                  pulls the network cable of the node, heal plugs it in again
#   cluster.sh heal DIR NODE
#
# start ends with 77 where the machine lacks what a cluster needs.
#
# Each node has a network, UTS, PID, IPC and mount namespace of its own, with its own /tmp, /dev/shm, /run and /srv. All see the
# same /home, which is DIR/home, and DIR itself as /run/cluster. The product of --product lies in /srv/quiesce, first in PATH;
# a path of --share is seen under its own name. The network is a bridge inside of the node ctl: nothing leaves the machine, and
# nothing outside of DIR is changed. Slurm's daemons and munged are the distribution's. Killing pid 1 of a node, run/NODE.init,
# ends all that runs on it.
set -euo pipefail

ME=$(readlink -f "$0")
readonly ME
readonly HERE=${ME%/*}
readonly NETWORK=10.99.0
readonly START_SECONDS=60
readonly USERS=(alice:20001 bob:20002)
readonly SHELL_PATH=/srv/quiesce/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin

die() {
    echo "cluster.sh: $*" >&2
    exit 1
}

usage() {
    sed -n "5,/^set -/s/^# \{0,1\}//p" "$ME" >&2
    exit 2
}

# ---- processes ----

# Field 22 of /proc/PID/stat, nothing if the process has ended: a pid alone may be used again.
start_time() {
    local stat
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
    read -r -a stat <<<"${stat##*) }"
    [[ ${stat[0]} == Z ]] || echo "${stat[19]}"
}

remember() {
    echo "$1 $(start_time "$1")" >"$DIR/run/$2"
}

# The pid in run/NAME, if that process still runs.
recorded() {
    local pid started
    { read -r pid started <"$DIR/run/$1"; } 2>/dev/null || return 1
    [[ -n $started && $(start_time "$pid") == "$started" ]] && echo "$pid"
}

wait_for() {
    local what=$1 end=$((SECONDS + START_SECONDS))
    shift
    until "$@"; do
        ((SECONDS < end)) || die "waited $START_SECONDS s in vain: $what; see $DIR/log"
        sleep 0.02
    done
}

# ---- a node ----

# Runs a command in the namespaces named, of the node.
inside() {
    local node=$1 namespaces=$2 init
    shift 2
    init=$(recorded "$node.init") || die "there is no node $node in $DIR, or it is off"
    # shellcheck disable=SC2086 # several options
    nsenter -t "$init" $namespaces "$@"
}

on_node() {
    local node=$1
    shift
    inside "$node" "--net --uts --ipc --mount --pid --wdns=/" "$@"
}

ip_of() {
    [[ $1 == ctl ]] && echo "$NETWORK.254" || echo "$NETWORK.${1#n}"
}

private_tmpfs() {
    mount -t tmpfs -o "mode=$1" cluster "$2"
}

# In the new namespaces, as pid 1: makes the file systems of the node, and becomes the process that stays.
become_node() {
    local node=$1 i
    hostname "$node"
    ip link set lo up
    private_tmpfs 755 /srv
    mkdir -p /srv/.cluster /srv/quiesce
    mount --bind "$DIR" /srv/.cluster
    [[ -z $PRODUCT ]] || mount --bind "$PRODUCT" /srv/quiesce
    for i in "${!SHARED[@]}"; do
        mkdir "/srv/.share$i"
        mount --bind "${SHARED[i]}" "/srv/.share$i"
    done
    mount --bind "$DIR/home" /home
    for i in passwd group hosts slurm openmpi/openmpi-mca-params.conf; do
        [[ ! -e /etc/$i ]] || mount --bind "/srv/.cluster/etc/${i##*/}" "/etc/$i"
    done
    private_tmpfs 1777 /tmp
    private_tmpfs 1777 /dev/shm
    private_tmpfs 755 /run
    mkdir /run/cluster
    mount --move /srv/.cluster /run/cluster
    for i in "${!SHARED[@]}"; do
        mkdir -p "${SHARED[i]}"
        mount --move "/srv/.share$i" "${SHARED[i]}"
    done
    cd /
    exec /usr/bin/python3 -I "/run/cluster/bin/remote_shell.py" serve /run/cluster
}

start_init() {
    local node=$1 outer
    rm -f "$DIR/run/$node.shell"
    setsid unshare --net --uts --ipc --mount --pid --fork --kill-child --mount-proc \
        bash "$ME" become-node "$DIR" "$node" </dev/null >>"$DIR/log/$node.log" 2>&1 &
    outer=$!
    remember "$outer" "$node.outer"
}

await_init() {
    local node=$1 outer
    outer=$(recorded "$node.outer") || die "node $node has not started: $(tail -n 3 "$DIR/log/$node.log")"
    wait_for "node $node starts" has_started "$node" "$outer"
    remember "$(tr -d ' ' <"/proc/$outer/task/$outer/children")" "$node.init"
}

has_started() {
    [[ -S $DIR/run/$1.shell ]] && return 0
    [[ -n $(start_time "$2") ]] || die "node $1 has not started: $(tail -n 3 "$DIR/log/$1.log")"
    return 1
}

# A cable from the node to the bridge in ctl: the pair is made there, and one end moved. A node keeps its hardware address: the
# others remember it.
plug() {
    local node=$1 hardware
    hardware=02:00:0a:63:00:$(printf '%02x' "${node#n}")
    inside ctl --net ip -batch - <<EOT
link add v$node type veth peer name eth0 address $hardware netns $(recorded "$node.init")
link set v$node master bridge up
EOT
    inside "$node" --net ip -batch - <<EOT
addr add $(ip_of "$node")/24 dev eth0
link set eth0 up
EOT
}

make_bridge() {
    inside ctl --net ip -batch - <<EOT
link add bridge type bridge forward_delay 0
addr add $(ip_of ctl)/24 dev bridge
link set bridge up
EOT
}

cable() {
    inside ctl --net ip link set "v$1" "$2"
}

has_ended() {
    ! recorded "$1" >/dev/null
}

# Everything on the node dies with its pid 1. The outer process waits for that, and ends.
end_node() {
    local pid
    pid=$(recorded "$1.init") || pid=$(recorded "$1.outer") || return 0
    kill -KILL "$pid" 2>/dev/null || true
    wait_for "node $1 ends" has_ended "$1.outer"
    rm -f "$DIR/run/$1".{init,outer,shell}
}

# ---- Slurm ----

write_slurm_conf() {
    local i
    cat <<EOT
ClusterName=cluster
SlurmctldHost=ctl($(ip_of ctl))
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
# A requeued job waits as long as credentials live; less than 5 s counts as the default of 120 s.
AuthInfo=socket=/run/cluster/munge/socket,cred_expire=5
StateSaveLocation=/run/cluster/state
SlurmdSpoolDir=/run/cluster/spool/%n
SlurmctldPidFile=/run/slurmctld.pid
SlurmdPidFile=/run/slurmd.pid
SlurmctldLogFile=/run/cluster/log/slurmctld.log
SlurmdLogFile=/run/cluster/log/slurmd.%n.log
SlurmctldDebug=debug
SlurmdDebug=debug
SrunPortRange=60001-63000
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2,sched_min_interval=0
ReturnToService=2
SlurmctldTimeout=10
SlurmdTimeout=10
KillWait=5
InactiveLimit=0
JobRequeue=1
# The nodes may have more processors than the machine.
SlurmdParameters=config_overrides
PropagateResourceLimits=NONE
PlugStackConfig=/etc/slurm/plugstack.conf
EOT
    for ((i = 1; i <= NODES; i++)); do
        echo "NodeName=n$i NodeAddr=$(ip_of "n$i") CPUs=$CPUS RealMemory=2000 State=UNKNOWN"
    done
    # A later line with the same key wins.
    if [[ -n $1 ]]; then
        cat "$1"
    else
        echo "PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP"
    fi
}

start_munged() {
    head -c 128 /dev/urandom >"$DIR/munge/key"
    chmod 600 "$DIR/munge/key"
    # One serves all nodes: its socket lies in a directory that all see.
    on_node ctl munged --socket=/run/cluster/munge/socket --key-file=/run/cluster/munge/key --pid-file=/run/munged.pid \
        --log-file=/run/cluster/log/munged.log --seed-file=/run/munged.seed --num-threads=2 >>"$DIR/log/ctl.log" 2>&1 ||
        die "munged has not started: $(tail -n 3 "$DIR/log/munged.log" "$DIR/log/ctl.log")"
}

start_slurmd() {
    on_node "$1" slurmd -N "$1" >>"$DIR/log/$1.log" 2>&1 || die "slurmd of $1 has not started: $(tail -n 3 "$DIR/log/$1.log")"
}

# The number of nodes that Slurm could give work to. A daemon that died says why in its log; there is no use in waiting then.
all_idle() {
    local fatal
    fatal=$(grep -h 'fatal:' "$DIR"/log/slurm*.log) && die "Slurm has not started: $fatal"
    [[ $(on_node ctl timeout 5 sinfo -h -N -t idle -o %N 2>/dev/null | sort -u | wc -l) == "$NODES" ]]
}

# What it was doing when it was lost may still count as completing.
is_there() {
    [[ $(on_node ctl timeout 5 sinfo -h -N -n "$1" -o %T 2>/dev/null | sort -u) =~ ^(idle|completing|mixed|allocated)$ ]]
}

start_slurm() {
    local i
    start_munged
    on_node ctl slurmctld >>"$DIR/log/ctl.log" 2>&1 || die "slurmctld has not started: $(tail -n 3 "$DIR/log/ctl.log")"
    for ((i = 1; i <= NODES; i++)); do
        start_slurmd "n$i"
    done
    wait_for "all nodes of Slurm are idle" all_idle
}

# ---- the cluster ----

# A machine that cannot have a cluster: tests are skipped then.
cannot() {
    echo "cluster.sh: $*" >&2
    exit 77
}

check_can_start() {
    local program missing=()
    [[ $(id -u) == 0 ]] || cannot "a cluster needs root"
    for program in unshare nsenter setpriv ip hostname python3; do
        command -v "$program" >/dev/null || missing+=("$program")
    done
    if [[ $SLURM == yes ]]; then
        for program in munged slurmctld slurmd srun; do
            command -v "$program" >/dev/null || missing+=("$program")
        done
    fi
    [[ ${#missing[@]} == 0 ]] || cannot "not installed: ${missing[*]}"
    # shellcheck disable=SC2016
    unshare --net --mount --pid --fork sh -c 'ip link add bridge type bridge && mount -t tmpfs t /srv' 2>/dev/null ||
        cannot "this machine lets root make no network, mount or pid namespaces"
}

# Directories that users of the cluster may not write, and homes that are theirs.
make_directories() {
    local user name id i
    mkdir -p "$DIR"
    rm -rf "${DIR:?}"/{run,log,etc,munge,state,spool,bin}
    mkdir -p "$DIR"/{run,log,etc/slurm,munge,spool,bin,home/root}
    mkdir -m 700 "$DIR/state"
    chmod 755 "$DIR" "$DIR"/{run,log,etc,etc/slurm,munge,spool,bin,home}
    install -m 755 "$HERE/remote_shell.py" "$DIR/bin/remote_shell.py"
    for user in "${USERS[@]}"; do
        name=${user%:*}
        id=${user#*:}
        install -d -m 755 -o "$id" -g "$id" "$DIR/home/$name"
    done
    for ((i = 1; i <= NODES; i++)); do
        mkdir "$DIR/spool/n$i"
    done
}

write_etc() {
    local conf=$1 plugstack=$2 user i
    sed 's,^\(root:[^:]*:0:0:[^:]*\):[^:]*:,\1:/home/root:,' /etc/passwd >"$DIR/etc/passwd"
    cat /etc/group >"$DIR/etc/group"
    for user in "${USERS[@]}"; do
        echo "${user%:*}:x:${user#*:}:${user#*:}::/home/${user%:*}:/bin/bash" >>"$DIR/etc/passwd"
        echo "${user%:*}:x:${user#*:}:" >>"$DIR/etc/group"
    done
    { echo "127.0.0.1 localhost"; echo "$(ip_of ctl) ctl"; } >"$DIR/etc/hosts"
    for ((i = 1; i <= NODES; i++)); do
        echo "$(ip_of "n$i") n$i" >>"$DIR/etc/hosts"
    done
    {
        cat /etc/openmpi/openmpi-mca-params.conf 2>/dev/null || true
        echo # Debian's last line has no end
        echo "plm_rsh_agent = /run/cluster/bin/remote_shell.py run /run/cluster"
        echo "mpi_yield_when_idle = 1" # the nodes share the machine's processors
        # mpirun's own values notice a node that went without a word after eight minutes.
        printf 'oob_tcp_keepalive_%s\n' 'time = 3' 'intvl = 1' 'probes = 3'
    } >"$DIR/etc/openmpi-mca-params.conf"
    write_slurm_conf "$conf" >"$DIR/etc/slurm/slurm.conf"
    if [[ -n $plugstack ]]; then cat "$plugstack"; fi >"$DIR/etc/slurm/plugstack.conf"
    chmod 644 "$DIR"/etc/{passwd,group,hosts,openmpi-mca-params.conf,slurm/*}
}

save() {
    {
        printf '%s=%q\n' NODES "$NODES" CPUS "$CPUS" SLURM "$SLURM" PRODUCT "$PRODUCT"
        printf 'SHARED=('
        ((${#SHARED[@]} == 0)) || printf '%q ' "${SHARED[@]}"
        printf ')\n'
    } >"$DIR/run/cluster.env"
}

load() {
    [[ -f $DIR/run/cluster.env ]] || die "there is no cluster in $DIR"
    # shellcheck source=/dev/null
    . "$DIR/run/cluster.env"
}

# Descriptors of the caller's, a pipe that somebody reads to its end above all, do not stay open in the cluster.
close_descriptors() {
    local fd
    for fd in "/proc/$BASHPID/fd/"*; do
        fd=${fd##*/}
        ((fd <= 2 || fd == 255)) || eval "exec $fd>&-" 2>/dev/null || true
    done
}

start() {
    local conf='' plugstack='' i
    NODES=2 CPUS=4 SLURM=yes PRODUCT='' SHARED=()
    while (($# > 1)); do
        case $1 in
        --nodes) NODES=$2 ;;
        --cpus) CPUS=$2 ;;
        --slurm) SLURM=$2 ;;
        --conf) conf=$2 ;;
        --plugstack) plugstack=$2 ;;
        --product) PRODUCT=$(readlink -e "$2") || die "$2 does not exist" ;;
        --share) SHARED+=("$(readlink -e "$2")") || die "$2 does not exist" ;;
        *) usage ;;
        esac
        shift 2
    done
    (($# == 0)) || usage
    [[ $NODES =~ ^[0-9]+$ && $NODES -ge 1 && $NODES -le 200 ]] || die "--nodes $NODES: give 1 to 200"
    check_can_start
    [[ ! -e $DIR/run/cluster.env ]] || die "$DIR holds a cluster already; stop it first"
    umask 022
    close_descriptors
    make_directories
    write_etc "$conf" "$plugstack"
    save
    trap 'stop' EXIT
    start_init ctl
    for ((i = 1; i <= NODES; i++)); do
        start_init "n$i"
    done
    await_init ctl
    make_bridge
    for ((i = 1; i <= NODES; i++)); do
        await_init "n$i"
        plug "n$i"
    done
    [[ $SLURM == no ]] || start_slurm
    trap - EXIT
    echo "cluster.sh: $NODES nodes, n1 to n$NODES, and ctl run in $DIR"
}

stop() {
    local i
    load
    for ((i = 1; i <= NODES; i++)); do
        end_node "n$i"
    done
    end_node ctl
    rm -rf "$DIR/run"
}

# The words that become the user on the node, with an environment as after a login.
login() {
    local user=$1 name id gid home groups=(--init-groups)
    IFS=: read -r name _ id gid _ home _ < <(awk -F: -v u="$user" '$1 == u || $3 == u' "$DIR/etc/passwd") || true
    if [[ -z $name && $user =~ ^[0-9]+$ ]]; then
        name=$user id=$user gid=$user home=/tmp groups=(--clear-groups)
    fi
    [[ -n $name ]] || die "the cluster has no user $user"
    LOGIN=()
    [[ $id == 0 ]] || LOGIN=(setpriv "--reuid=$id" "--regid=$gid" "${groups[@]}")
    LOGIN+=(env -i "--chdir=$home" "PATH=$SHELL_PATH" "HOME=$home" "USER=$name" "LOGNAME=$name" SHELL=/bin/bash
        LANG=C.UTF-8 "TERM=${TERM:-dumb}")
    [[ $id != 0 ]] || LOGIN+=(OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1)
}

execute() {
    local node=$1 user=root init
    shift
    if [[ ${1:-} == --user ]]; then
        user=${2:-}
        shift 2
    fi
    (($# > 0)) || usage
    login "$user"
    init=$(recorded "$node.init") || die "there is no node $node in $DIR, or it is off"
    exec nsenter -t "$init" --net --uts --ipc --mount --pid --wdns=/ "${LOGIN[@]}" "$@"
}

run_mpi() {
    local user=()
    if [[ ${1:-} == --user ]]; then
        user=(--user "${2:-}")
        shift 2
    fi
    execute ctl "${user[@]}" mpirun "$@"
}

# The cable first: a host without power does not say goodbye to its peers.
power_off() {
    recorded "$1.init" >/dev/null || die "there is no node $1 in $DIR, or it is off"
    [[ $1 == ctl ]] || cable "$1" down
    end_node "$1"
    # The kernel takes its time to remove the network of a node that has gone.
    [[ $1 == ctl ]] || inside ctl --net ip link delete "v$1" 2>/dev/null || true
}

power_on() {
    [[ $1 =~ ^n[0-9]+$ && ${1#n} -le $NODES ]] || die "there is no node $1 in $DIR that can be switched on"
    ! recorded "$1.init" >/dev/null || die "node $1 is on"
    start_init "$1"
    await_init "$1"
    plug "$1"
    [[ $SLURM == no ]] || { start_slurmd "$1" && wait_for "Slurm takes $1 back" is_there "$1"; }
}

main() {
    local command=$1
    DIR=$(readlink -m "$2")
    shift 2
    case $command in
    start) start "$@" ;;
    stop) stop ;;
    become-node) load && become_node "$1" ;;
    exec) load && (($# > 1)) && execute "$@" ;;
    mpirun) load && run_mpi "$@" ;;
    power-off) load && power_off "${1:-}" ;;
    power-on) load && power_on "${1:-}" ;;
    cut) load && cable "${1:-}" down ;;
    heal) load && cable "${1:-}" up ;;
    *) usage ;;
    esac
}

(($# >= 2)) || usage
main "$@"
