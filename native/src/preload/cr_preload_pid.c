/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. From ids that the program knows to the kernel's, and back. */
#include "cr_preload_pid.h"

#include "cr_fmt.h"

static const char PROC[] = "/proc/";

#define GROUP_OR_SESSION ((uint32_t)CR_ID_GROUP | CR_ID_SESSION)

/* A group or session that was begun after the restart has the id of the process that leads it. */
pid_t cr_preload_kernel_id(pid_t known, uint32_t kinds)
{
    pid_t kernel = known;

    if (known <= 0)
        return known;
    if ((kinds & GROUP_OR_SESSION) != 0)
        kernel = cr_freeze_kernel_id(known, kinds & GROUP_OR_SESSION);
    /* It is outside of the pid namespace, and cannot be named. */
    if (kernel == 0)
        return CR_ID_NOBODY;
    if (kernel == known)
        kernel = cr_freeze_kernel_id(known, kinds | CR_ID_PROCESS);
    /* A group outlives its leader. */
    if (kernel <= 0 && (kinds & GROUP_OR_SESSION) != 0)
        return known;
    return kernel > 0 ? kernel : CR_ID_NOBODY;
}

pid_t cr_preload_known_id(pid_t kernel, uint32_t kinds)
{
    pid_t known = kernel;

    if (kernel >= 0 && (kinds & GROUP_OR_SESSION) != 0)
        known = cr_freeze_known_id(kernel, kinds & GROUP_OR_SESSION);
    return known != kernel || kernel <= 0 ? known
                                          : cr_freeze_known_id(kernel, kinds | CR_ID_PROCESS);
}

int cr_preload_means_another(pid_t kernel, uint32_t kinds)
{
    return cr_freeze_kernel_id(kernel, kinds) != kernel &&
           cr_freeze_known_id(kernel, kinds) == kernel;
}

pid_t cr_preload_kernel_group(pid_t known)
{
    return cr_freeze_group_or_own(cr_preload_kernel_id(known, CR_ID_GROUP));
}

pid_t cr_preload_kernel_target(pid_t known)
{
    return known < -1 ? -cr_preload_kernel_group(-known)
                      : cr_preload_kernel_id(known, CR_ID_PROCESS);
}

const char *cr_preload_proc_path(const char *path, char *out, size_t size)
{
    const struct cr_freeze_id *ids;
    const char *rest = path + sizeof(PROC) - 1;
    pid_t known;
    pid_t kernel;

    if (__builtin_expect(cr_freeze_ids(&ids) == 0, 1) || path == NULL ||
        !cr_str_starts(path, PROC) || *rest < '1' || *rest > '9')
        return path;
    known = (pid_t)cr_parse_u64(&rest, 10);
    kernel = cr_preload_kernel_id(known, CR_ID_PROCESS | CR_ID_THREAD);
    if (kernel == known || (*rest != '/' && *rest != '\0'))
        return path;
    return cr_fmt(out, size, "%s%d%s", PROC, kernel, rest) < size - 1 ? out : path;
}
