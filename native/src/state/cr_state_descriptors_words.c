/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. Descriptors that cannot be saved, in words and with what to do about it. */
#include "cr_state_descriptors_parts.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#define CLOSE_IT                                                                                   \
    "close it before the checkpoint, for example in a checkpoint callback, and open it again "     \
    "after"

union address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_un un;
};

static int option(int fd, int level, int name)
{
    int value = -1;
    uint32_t length = sizeof(value);

    return cr_sys(SYS_getsockopt, fd, level, name, &value, &length) < 0 ? -1 : value;
}

static void ipv6_text(const struct sockaddr_in6 *in6, char *out, size_t size)
{
    const uint8_t *b = in6->sin6_addr.s6_addr;
    size_t length = cr_fmt(out, size, "[");

    for (int i = 0; i < 16; i += 2)
        length += cr_fmt(out + length, size - length, "%s%x", i > 0 ? ":" : "",
                         (unsigned)(b[i] << 8 | b[i + 1]));
    cr_fmt(out + length, size - length, "]:%u", (unsigned)ntohs(in6->sin6_port));
}

static void unix_text(const struct sockaddr_un *un, uint32_t length, char *out, size_t size)
{
    size_t name = length - offsetof(struct sockaddr_un, sun_path);

    if (length <= offsetof(struct sockaddr_un, sun_path))
        cr_fmt(out, size, "(no name)");
    else if (un->sun_path[0] != '\0')
        cr_fmt(out, size, "%s", un->sun_path);
    else if (name < size) {
        out[0] = '@';
        memcpy(out + 1, un->sun_path + 1, name - 1);
        out[name] = '\0';
    }
}

/* CALL: SYS_getsockname or SYS_getpeername. Returns 0 if there is no such address. */
static int address_text(long call, int fd, char *out, size_t size)
{
    union address a;
    uint32_t length = sizeof(a) - 1;

    memset(&a, 0, sizeof(a));
    out[0] = '\0';
    if (cr_sys(call, fd, &a, &length) < 0)
        return 0;
    if (a.any.sa_family == AF_INET) {
        const uint8_t *b = (const uint8_t *)&a.in.sin_addr;

        cr_fmt(out, size, "%u.%u.%u.%u:%u", b[0], b[1], b[2], b[3], (unsigned)ntohs(a.in.sin_port));
    } else if (a.any.sa_family == AF_INET6) {
        ipv6_text(&a.in6, out, size);
    } else if (a.any.sa_family == AF_UNIX) {
        unix_text(&a.un, length, out, size);
    } else {
        cr_fmt(out, size, "(address family %d)", a.any.sa_family);
    }
    return 1;
}

static const char *tcp_state(int fd)
{
    static const char *const NAMES[] = {"?",          "established", "syn sent",  "syn received",
                                        "fin wait 1", "fin wait 2",  "time wait", "closed",
                                        "close wait", "last ack",    "listening", "closing"};
    struct tcp_info info = {0};
    uint32_t length = sizeof(info);

    if (cr_sys(SYS_getsockopt, fd, IPPROTO_TCP, TCP_INFO, &info, &length) < 0 ||
        info.tcpi_state >= sizeof(NAMES) / sizeof(*NAMES))
        return NAMES[0];
    return NAMES[info.tcpi_state];
}

static const char *socket_type(int domain, int type)
{
    int internet = domain == AF_INET || domain == AF_INET6;

    if (domain == AF_UNIX)
        return "Unix socket";
    if (internet && type == SOCK_STREAM)
        return "TCP socket";
    if (internet && type == SOCK_DGRAM)
        return "UDP socket";
    if (domain == AF_NETLINK)
        return "netlink socket";
    return internet ? "raw internet socket" : "socket";
}

static void socket_words(int fd, char *out, size_t size)
{
    char local[128];
    char peer[128];
    int domain = option(fd, SOL_SOCKET, SO_DOMAIN);
    int type = option(fd, SOL_SOCKET, SO_TYPE);
    const char *kind = socket_type(domain, type);
    int tcp = cr_str_equal(kind, "TCP socket");

    address_text(SYS_getsockname, fd, local, sizeof(local));
    if (option(fd, SOL_SOCKET, SO_ACCEPTCONN) == 1)
        cr_fmt(out, size, "a listening %s at %s; " CLOSE_IT, kind, local);
    else if (!address_text(SYS_getpeername, fd, peer, sizeof(peer)))
        cr_fmt(out, size, "a %s at %s, not connected; " CLOSE_IT, kind, local);
    else if (tcp)
        cr_fmt(out, size, "a TCP connection from %s to %s, %s; " CLOSE_IT, local, peer,
               tcp_state(fd));
    else
        cr_fmt(out, size, "a %s from %s to %s; " CLOSE_IT, kind, local, peer);
}

struct link_words {
    const char *link;
    const char *words;
};

/* What each is, and what to do about it where there is something better than to close it. */
static const struct link_words ANONYMOUS[] = {
    {"anon_inode:[io_uring]",
     "an io_uring instance, whose requests the kernel holds; use read() and write() or aio threads "
     "(for many libraries an environment variable or option switches io_uring off), or"},
    {"anon_inode:[perf_event]", "a performance counter, which counts for a process that is gone;"},
    {"anon_inode:bpf", "a BPF object, which lives in the kernel;"},
    {"anon_inode:btf", "a BPF object, which lives in the kernel;"},
    {"anon_inode:[userfaultfd]", "a userfaultfd, through which another thread fills memory;"},
    {"anon_inode:[landlock-ruleset]", "a Landlock ruleset, which cannot be read back;"},
    {"anon_inode:landlock-ruleset", "a Landlock ruleset, which cannot be read back;"},
    {"anon_inode:[fanotify]", "a fanotify group; use inotify, or"},
    {"anon_inode:seccomp notify", "the supervisor's side of a seccomp filter;"},
    {"anon_inode:[fscontext]", "a file system that is being mounted;"},
    {"anon_inode:kvm", "a virtual machine of KVM; checkpoint it with its own tools, or"},
    {"anon_inode:[vfio", "a device that is passed through (VFIO);"},
    {"anon_inode:iommufd", "a device that is passed through (iommufd);"},
    {"anon_inode:[eventpoll]", "an epoll instance;"},
    {"anon_inode:dmabuf", "a buffer of a device (dma-buf);"},
    {"/dmabuf:", "a buffer of a device (dma-buf);"},
    {"anon_inode:", "a kernel object that Quiesce does not know;"},
};

static const char *anonymous_words(const char *link)
{
    for (size_t i = 0; i < sizeof(ANONYMOUS) / sizeof(*ANONYMOUS); i++) {
        if (cr_str_starts(link, ANONYMOUS[i].link))
            return ANONYMOUS[i].words;
    }
    return "something without a name;";
}

static void regular_words(const struct cr_open_file *file, const char *link, char *out, size_t size)
{
    if (cr_str_starts(link, "/secretmem"))
        cr_fmt(out, size, "secret memory (memfd_secret), which must not be stored; " CLOSE_IT);
    else if (cr_str_starts(link, "/dmabuf:"))
        cr_fmt(out, size, "%s " CLOSE_IT, anonymous_words(link));
    else if (file->st.st_nlink == 0)
        cr_fmt(out, size,
               "a deleted file (%s); delete it when the program ends, or close it before the "
               "checkpoint",
               link);
    else
        cr_fmt(out, size,
               "a file that is not found under its name %s; keep open files in place until the "
               "program ends",
               link);
}

static const struct link_words DEVICES[] = {
    {"/dev/kvm", "a virtual machine of KVM (%s, device %u:%u); checkpoint it with its own tools"},
    {"/dev/fuse", "the server of a FUSE file system (%s, device %u:%u); unmount it before the "
                  "checkpoint"},
    {"/dev/nvidia",
     "a graphics processor (%s, device %u:%u), whose state cannot be read; " CLOSE_IT},
    {"/dev/dri/", "a graphics processor (%s, device %u:%u), whose state cannot be read; " CLOSE_IT},
    {"/dev/kfd", "a graphics processor (%s, device %u:%u), whose state cannot be read; " CLOSE_IT},
    {"/dev/infiniband/",
     "a network adapter (%s, device %u:%u), whose state cannot be read; " CLOSE_IT},
    {"/dev/net/tun", "a network device (%s, device %u:%u); " CLOSE_IT},
    {"", "a device (%s, number %u:%u); " CLOSE_IT},
};

static void device_words(const struct cr_open_file *file, const char *link, char *out, size_t size)
{
    unsigned number = major(file->st.st_rdev);
    size_t i = 0;

    if (S_ISCHR(file->st.st_mode) && (number == 4 || (number >= 136 && number <= 143))) {
        cr_fmt(out, size,
               "a terminal (%s) that is not a standard stream; duplicate descriptor 0, 1 or 2 "
               "instead of opening it, or open /dev/tty",
               link);
        return;
    }
    while (!cr_str_starts(link, DEVICES[i].link))
        i++;
    cr_fmt(out, size, DEVICES[i].words, link, number, minor(file->st.st_rdev));
}

void cr_descriptor_words(const struct cr_open_file *file, const char *link, char *out, size_t size)
{
    mode_t mode = file->st.st_mode;

    if (S_ISSOCK(mode))
        socket_words(file->fd, out, size);
    else if (S_ISREG(mode))
        regular_words(file, link, out, size);
    else if (S_ISDIR(mode))
        cr_fmt(out, size, "a directory that is not found under its name %s; " CLOSE_IT, link);
    else if (S_ISCHR(mode) || S_ISBLK(mode))
        device_words(file, link, out, size);
    else
        cr_fmt(out, size, "%s " CLOSE_IT " (%s)", anonymous_words(link), link);
}
