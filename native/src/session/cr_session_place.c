/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Whether a process lives where a restart could put it: in the requester's own namespaces and root. */
#include "cr_session_place.h"

#include "cr_fmt.h"

#include <sys/stat.h>

static int is_other(pid_t pid, const char *what)
{
    struct stat own;
    struct stat other;
    char path[64];

    cr_fmt(path, sizeof(path), "/proc/self/%s", what);
    if (stat(path, &own) != 0)
        return 0;
    cr_fmt(path, sizeof(path), "/proc/%d/%s", pid, what);
    /* Of a process that we may not look at so closely nothing is known, and its agent answers for it. */
    return stat(path, &other) == 0 && (own.st_dev != other.st_dev || own.st_ino != other.st_ino);
}

int cr_session_check_place(pid_t pid, struct cr_error *err)
{
    static const struct {
        const char *file, *words, *option;
    } KINDS[] = {
        {"ns/net", "network", "-n"}, {"ns/ipc", "IPC", "-i"}, {"ns/uts", "host name", "-u"}};

    for (size_t i = 0; i < sizeof(KINDS) / sizeof(*KINDS); i++)
        if (is_other(pid, KINDS[i].file))
            return cr_fail(err, CR_EREFUSED,
                           "process %d is in another %s namespace than cr_checkpoint; run "
                           "cr_checkpoint in that one (nsenter -t %d %s)",
                           pid, KINDS[i].words, pid, KINDS[i].option);
    if (is_other(pid, "root"))
        return cr_fail(err, CR_EREFUSED,
                       "process %d has another root directory than cr_checkpoint (chroot, or a "
                       "container); run cr_checkpoint inside it",
                       pid);
    /* A restart with --pidns has mounts of its own, for /proc. */
    if (is_other(pid, "ns/mnt") && !is_other(pid, "ns/pid"))
        return cr_fail(err, CR_EREFUSED,
                       "process %d is in another mount namespace than cr_checkpoint; run "
                       "cr_checkpoint in that one (nsenter -t %d -m)",
                       pid, pid);
    return 0;
}
