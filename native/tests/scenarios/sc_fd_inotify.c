/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* inotify instances keep their watches with their numbers. */
#include "scenario.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/inotify.h>

static const char *name(const char *last)
{
    static char path[700];

    snprintf(path, sizeof(path), "%s/%s", sc_directory, last);
    return path;
}

static void touch(const char *last)
{
    int fd = open(name(last), O_WRONLY | O_CREAT | O_APPEND, 0600);

    if (fd < 0 || write(fd, "x", 1) != 1)
        sc_fail("%s: %s", last, strerror(errno));
    close(fd);
}

static void expect(int fd, int wd, uint32_t mask, const char *entry)
{
    char buffer[1024] __attribute__((aligned(8)));
    const struct inotify_event *event = (const struct inotify_event *)buffer;

    if (read(fd, buffer, sizeof(buffer)) <= 0)
        sc_fail("no event of watch %d: %s", wd, strerror(errno));
    if (event->wd != wd || event->mask != mask ||
        (entry != NULL && strcmp(event->name, entry) != 0))
        sc_fail("event %x of watch %d instead of %x of %d", event->mask, event->wd, mask, wd);
}

int main(int argc, char **argv)
{
    char buffer[1024];
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    int gone, directory, file, link, next;

    sc_init(argc, argv, "inotify instances keep their watches");
    mkdir(name("watched"), 0700);
    touch("file");
    if (symlink("file", name("link")) != 0 || chdir(sc_directory) != 0)
        sc_fail("symlink: %s", strerror(errno));
    gone = inotify_add_watch(fd, "file", IN_OPEN);
    inotify_rm_watch(fd, gone);
    directory = inotify_add_watch(fd, "watched", IN_CREATE);
    file = inotify_add_watch(fd, name("link"), IN_MODIFY);
    link = inotify_add_watch(fd, name("link"), IN_DELETE_SELF | IN_DONT_FOLLOW);
    while (read(fd, buffer, sizeof(buffer)) > 0)
        ;
    sc_ready();
    sc_wait();
    if (read(fd, buffer, sizeof(buffer)) != -1 || errno != EAGAIN)
        sc_fail("there are events already");
    touch("watched/new");
    expect(fd, directory, IN_CREATE, "new");
    touch("file");
    expect(fd, file, IN_MODIFY, NULL);
    unlink(name("link"));
    expect(fd, link, IN_DELETE_SELF, NULL);
    next = inotify_add_watch(fd, "/", IN_DELETE);
    if (next <= link)
        sc_fail("the number %d is used again", next);
    if (inotify_rm_watch(fd, directory) != 0)
        sc_fail("inotify_rm_watch: %s", strerror(errno));
    expect(fd, directory, IN_IGNORED, NULL);
    sc_pass();
}
