/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A daemon that was root and has become somebody else, with a capability left: user and group ids of four kinds,
 * supplementary groups, capabilities of five kinds, securebits. An ordinary user keeps what it has.
 */
#include "scenario.h"

#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdint.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>

static uint32_t
    capabilities[5]; /* effective, permitted, inheritable, of the low word; ambient; bounding */
static gid_t groups[3] = {4, 20, 65533};

static void read_capabilities(uint32_t out[5])
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{0}};

    syscall(SYS_capget, &header, data);
    out[0] = data[0].effective;
    out[1] = data[0].permitted;
    out[2] = data[0].inheritable;
    out[3] = (uint32_t)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_NET_BIND_SERVICE, 0, 0);
    out[4] = (uint32_t)prctl(PR_CAPBSET_READ, CAP_SYS_BOOT);
}

static void set_up(void)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{0}};

    prctl(PR_CAPBSET_DROP, CAP_SYS_BOOT);
    prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS | SECBIT_NOROOT);
    if (setgroups(3, groups) != 0 || setresgid(1001, 1002, 1003) != 0 ||
        setresuid(2001, 2002, 2003) != 0)
        sc_fail("cannot become somebody else");
    data[0].permitted = data[0].effective = data[0].inheritable = 1U << CAP_NET_BIND_SERVICE;
    data[0].permitted |= 1U << CAP_CHOWN;
    syscall(SYS_capset, &header, data);
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0);
    setfsgid(1003);
    setfsuid(2003);
    prctl(PR_SET_DUMPABLE, 1);
}

static void check_ids(void)
{
    uid_t u[3];
    gid_t g[3];
    gid_t now[8];

    getresuid(&u[0], &u[1], &u[2]);
    getresgid(&g[0], &g[1], &g[2]);
    if (u[0] != 2001 || u[1] != 2002 || u[2] != 2003 || setfsuid((uid_t)-1) != 2003)
        sc_fail("user ids are %d %d %d %d", u[0], u[1], u[2], setfsuid((uid_t)-1));
    if (g[0] != 1001 || g[1] != 1002 || g[2] != 1003 || setfsgid((gid_t)-1) != 1003)
        sc_fail("group ids are %d %d %d %d", g[0], g[1], g[2], setfsgid((gid_t)-1));
    if (getgroups(8, now) != 3 || memcmp(now, groups, sizeof(groups)) != 0)
        sc_fail("other supplementary groups");
    if (prctl(PR_GET_SECUREBITS) != (SECBIT_KEEP_CAPS | SECBIT_NOROOT))
        sc_fail("securebits are %x", prctl(PR_GET_SECUREBITS));
}

int main(int argc, char **argv)
{
    int as_root = geteuid() == 0;
    char path[600];
    uint32_t now[5];

    sc_init(argc, argv, "a process stays who it was");
    snprintf(path, sizeof(path), "%s", argv[1]);
    if (as_root && (chown(path, 2003, 1003) != 0 || chmod(path, 0777) != 0))
        sc_fail("cannot give the directory away");
    if (as_root)
        set_up();
    read_capabilities(capabilities);
    sc_ready();
    sc_wait();
    if (as_root)
        check_ids();
    read_capabilities(now);
    for (int i = 0; i < 5; i++)
        if (now[i] != capabilities[i])
            sc_fail("capabilities of kind %d: %x, were %x", i, now[i], capabilities[i]);
    sc_pass();
}
