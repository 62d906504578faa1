/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors that cannot be saved are named, with what to do; those that this machine does not have are passed over. */
#include "state_support.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const int OUR_STREAMS[] = {0, 1, 2};

/* FD, and all above 2, are closed again. A descriptor that could not be made tests nothing. */
static void expect(int fd, const char *words, const char *text)
{
    struct fixture f;
    int rc;

    if (fd < 0) {
        printf("# not here: %s (%s)\n", text, strerror(errno));
        return;
    }
    fixture_begin(&f);
    f.foreign.fds = OUR_STREAMS;
    f.foreign.fd_count = 3;
    rc = cr_descriptors_collect(&f.state, &f.err);
    printf("# %s\n", f.err.text);
    tap_ok(rc == -CR_EREFUSED && strstr(f.err.text, words) != NULL, text);
    tap_ok(fixture_note(&f, quiesce_image_NoteType_NOTE_DESCRIPTORS, 0) == NULL,
           "and no descriptor is in the notes");
    cr_descriptors_release(&f.state);
    fixture_end(&f);
    for (int i = 3; i < 64; i++)
        close(i);
}

static int ring(void)
{
    unsigned char parameters[120] = {0};

    return (int)syscall(SYS_io_uring_setup, 8, parameters);
}

static int counter(void)
{
    struct perf_event_attr attributes = {.type = PERF_TYPE_SOFTWARE,
                                         .size = sizeof(attributes),
                                         .config = PERF_COUNT_SW_TASK_CLOCK,
                                         .exclude_kernel = 1};

    return (int)syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0);
}

static int bpf_map(void)
{
    union bpf_attr attributes;

    memset(&attributes, 0, sizeof(attributes));
    attributes.map_type = BPF_MAP_TYPE_ARRAY;
    attributes.key_size = 4;
    attributes.value_size = 8;
    attributes.max_entries = 1;
    return (int)syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof(attributes));
}

static int landlock(void)
{
    uint64_t attributes = 1;

    return (int)syscall(444 /* landlock_create_ruleset */, &attributes, sizeof(attributes), 0);
}

static int pidfd_of_dead(void)
{
    pid_t pid = fork();
    int fd;

    if (pid == 0)
        _exit(0);
    fd = (int)syscall(SYS_pidfd_open, pid, 0);
    waitpid(pid, NULL, 0);
    return fd;
}

static int other_namespace(void)
{
    pid_t pid;
    int ends[2];
    char path[40], byte;
    int fd;

    if (pipe(ends) != 0)
        return -1;
    pid = fork();
    if (pid == 0) {
        close(ends[0]);
        if (unshare(CLONE_NEWUTS) != 0 || write(ends[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ends[1]);
    snprintf(path, sizeof(path), "/proc/%d/ns/uts", pid);
    fd = read(ends[0], &byte, 1) == 1 ? open(path, O_RDONLY) : -1;
    close(ends[0]);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return fd;
}

static int unread_events(void)
{
    int fd = inotify_init1(0);

    inotify_add_watch(fd, "/tmp", IN_OPEN);
    close(open("/tmp", O_RDONLY | O_DIRECTORY));
    return fd;
}

static pid_t keeper;

static int lost_member(void)
{
    int fd = epoll_create1(0);
    int member = eventfd(0, 0);
    struct epoll_event event = {.events = EPOLLIN};

    epoll_ctl(fd, EPOLL_CTL_ADD, member, &event);
    keeper = fork(); /* has the file open */
    if (keeper == 0) {
        for (;;)
            pause();
    }
    close(member);
    return fd;
}

static int watched_directory(void)
{
    int fd = open("/tmp", O_RDONLY | O_DIRECTORY);

    return fcntl(fd, F_NOTIFY, DN_CREATE) == 0 ? fd : -1;
}

int main(void)
{
    for (int fd = 3; fd < 1024; fd++)
        close(fd);
    expect(ring(), "is an io_uring instance", "io_uring is refused");
    expect(counter(), "is a performance counter", "a performance counter is refused");
    expect(bpf_map(), "is a BPF object", "a BPF map is refused");
    expect((int)syscall(SYS_userfaultfd, 1), "is a userfaultfd", "a userfaultfd is refused");
    expect(landlock(), "is a Landlock ruleset", "a Landlock ruleset is refused");
    expect((int)fanotify_init(FAN_CLASS_NOTIF, O_RDONLY), "is a fanotify group",
           "fanotify is refused");
    expect((int)syscall(430 /* fsopen */, "tmpfs", 0), "is a file system that is being mounted",
           "a mount in progress is refused");
    expect((int)syscall(447 /* memfd_secret */, 0), "is secret memory", "secret memory is refused");
    expect(open("/dev/fuse", O_RDWR), "FUSE", "a FUSE server is refused");
    expect(open("/dev/kvm", O_RDWR), "KVM", "a virtual machine is refused");
    expect(open("/dev/kmsg", O_RDONLY), "a device (/dev/kmsg", "a device is refused with its name");
    expect(pidfd_of_dead(), "pidfd of a process that is gone", "a pidfd of nobody is refused");
    expect((int)syscall(SYS_pidfd_open, getppid(), 0), "which is not below this one",
           "a pidfd of somebody outside is refused");
    expect(other_namespace(), "is a namespace (uts:[", "a namespace of others is refused");
    expect(unread_events(), "events that nobody has read", "unread events are refused");
    expect(lost_member(), "with a member (registered as 4)",
           "a member that is not open is refused");
    kill(keeper, SIGKILL);
    waitpid(keeper, NULL, 0);
    expect(watched_directory(), "watched with F_NOTIFY", "F_NOTIFY is refused");
    return tap_done();
}
