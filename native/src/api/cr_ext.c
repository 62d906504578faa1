/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. The functions of libcr_ext.h. */
#include "libcr_ext.h"

#include "cr_agent.h"
#include "cr_policy.h"
#include "cr_sys.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <unistd.h>

#define CR_EXPORT __attribute__((visibility("default")))
#define GUARD_INSTALL 102
#define TIMER_RESTORE_IDS 77 /* PR_TIMER_CREATE_RESTORE_IDS */
#define TIMER_RESTORE_IDS_GET 2
#define SCAN_FEATURE _IOWR('f', 16, char[96])

_Static_assert(CR_POLICY_KEEP == (int)CR_KEEP && CR_POLICY_ZERO == (int)CR_ZERO &&
                   CR_POLICY_DROP == (int)CR_DROP,
               "one word for one policy");
_Static_assert(CR_FILE_REFERENCE == (int)CR_FILES_REFERENCE &&
                   CR_FILE_CONTENTS == (int)CR_FILES_CONTENTS &&
                   CR_FILE_CHECK == (int)CR_FILES_CHECK,
               "one word for one policy");

static int answer(int rc)
{
    if (rc == 0)
        return 0;
    errno = rc == -CR_EUSAGE ? EINVAL : -rc;
    return -1;
}

static int is_policy(int policy)
{
    return policy >= CR_POLICY_KEEP && policy <= CR_POLICY_DROP;
}

static int is_file_policy(int policy)
{
    return policy >= CR_FILE_REFERENCE && policy <= CR_FILE_CHECK;
}

CR_EXPORT int cr_exclude(const void *address, size_t length, int policy)
{
    uint64_t start = (uint64_t)address;
    uint64_t end = start + length;

    if (!is_policy(policy) || length == 0 || end < start)
        return answer(-EINVAL);
    if (policy == CR_POLICY_KEEP) {
        start = CR_PAGE_DOWN(start);
        end = CR_PAGE_UP(end);
    } else {
        start = CR_PAGE_UP(start);
        end = CR_PAGE_DOWN(end);
    }
    return start < end ? answer(cr_policy_set_range(start, end, (uint32_t)policy)) : 0;
}

CR_EXPORT int cr_include(const void *address, size_t length)
{
    uint64_t start = CR_PAGE_DOWN(address);
    uint64_t end = CR_PAGE_UP((uint64_t)address + length);

    if (length == 0 || end < start)
        return answer(-EINVAL);
    return answer(cr_policy_forget_range(start, end));
}

CR_EXPORT int cr_exclude_mapping(const char *rule, int policy)
{
    struct cr_policy_rule parsed;
    int rc;

    if (rule == NULL || !is_policy(policy))
        return answer(-EINVAL);
    rc = cr_policy_parse_rule(rule, strlen(rule), &parsed, NULL);
    if (rc < 0)
        return answer(rc);
    parsed.policy = (uint32_t)policy;
    return answer(cr_policy_add_rule(&parsed));
}

CR_EXPORT int cr_path_policy(const char *pattern, int policy)
{
    struct cr_policy_path path = {.policy = (uint32_t)policy};

    if (pattern == NULL || pattern[0] == '\0' || strlen(pattern) >= sizeof(path.pattern) ||
        !is_file_policy(policy))
        return answer(-EINVAL);
    memcpy(path.pattern, pattern, strlen(pattern) + 1);
    return answer(cr_policy_add_path(&path));
}

CR_EXPORT int cr_descriptor_policy(int fd, int policy)
{
    if (!is_file_policy(policy))
        return answer(-EINVAL);
    if (cr_sys(SYS_fcntl, fd, F_GETFD) < 0)
        return answer(-EBADF);
    return answer(cr_policy_set_descriptor(fd, (uint32_t)policy));
}

static int has_capability(unsigned number)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];

    memset(data, 0, sizeof(data));
    if (cr_sys(SYS_capget, &header, data) < 0)
        return 0;
    return (data[number / 32].effective >> (number % 32) & 1) != 0;
}

static int may_restore(void)
{
    return has_capability(CAP_SYS_ADMIN) || has_capability(CAP_CHECKPOINT_RESTORE);
}

/* The ioctl exists if it complains about its argument. */
static int has_pagemap_scan(void)
{
    char nothing[96] = {0};
    int fd = cr_sys_open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC, 0);
    long rc = fd < 0 ? fd : cr_sys(SYS_ioctl, fd, SCAN_FEATURE, nothing);

    if (fd >= 0)
        cr_sys_close(fd);
    return fd >= 0 && rc != -ENOTTY;
}

static int has_guards(void)
{
    uint64_t page = cr_sys_mmap(0, CR_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    long rc;

    if (cr_sys_is_error(page))
        return 0;
    rc = cr_sys(SYS_madvise, page, CR_PAGE, GUARD_INSTALL);
    cr_sys_munmap(page, CR_PAGE);
    return rc == 0;
}

static int number_in(const char *path)
{
    char text[32];

    return cr_sys_read_file(path, text, sizeof(text)) > 0 && text[0] > '0';
}

/* A queue that is not there: a kernel without MSG_COPY says so before it looks. */
static int has_message_copy(void)
{
    char buffer[sizeof(long) + 8];
    long id = cr_sys(SYS_msgget, IPC_PRIVATE, 0600);
    long rc;

    if (id < 0)
        return 0;
    rc = cr_sys(SYS_msgrcv, id, buffer, 8, 0, 040000 /* MSG_COPY */ | IPC_NOWAIT);
    cr_sys(SYS_msgctl, id, IPC_RMID, 0);
    return rc != -ENOSYS;
}

CR_EXPORT unsigned long cr_capabilities(void)
{
    unsigned long found = 0;

    if (cr_agent_is_ready())
        found |= CR_CAP_CHECKPOINT;
    if (has_pagemap_scan())
        found |= CR_CAP_PAGEMAP_SCAN;
    if (may_restore())
        found |= CR_CAP_EXACT_PIDS | CR_CAP_SYSV_IDS;
    if (geteuid() == 0 || number_in("/proc/sys/user/max_user_namespaces"))
        found |= CR_CAP_NAMESPACES;
    if (cr_sys(SYS_prctl, TIMER_RESTORE_IDS, TIMER_RESTORE_IDS_GET, 0, 0, 0) >= 0)
        found |= CR_CAP_TIMER_IDS;
    if (has_guards())
        found |= CR_CAP_GUARDS;
    if (has_message_copy())
        found |= CR_CAP_MESSAGE_COPY;
    return found;
}
