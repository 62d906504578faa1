/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Named pipes are found again by name, with what was in them, and made anew when they are gone. */
#include "scenario.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>

static int both, reader, writer, lonely, deleted, unread;

static const char *name(const char *last)
{
    static char path[700];

    snprintf(path, sizeof(path), "%s/%s", sc_directory, last);
    return path;
}

static int make(const char *last, int flags)
{
    int fd;

    if (mkfifo(name(last), 0640) != 0 && errno != EEXIST)
        sc_fail("mkfifo: %s", strerror(errno));
    fd = open(name(last), flags);
    if (fd < 0)
        sc_fail("open %s: %s", last, strerror(errno));
    return fd;
}

static void put(int fd, const char *text)
{
    if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        sc_fail("write to %d: %s", fd, strerror(errno));
}

static void expect(int fd, const char *text)
{
    char buffer[200] = "";
    ssize_t n = read(fd, buffer, sizeof(buffer) - 1);

    if (n != (ssize_t)strlen(text) || memcmp(buffer, text, strlen(text)) != 0)
        sc_fail("descriptor %d gave %zd bytes, \"%s\", instead of \"%s\"", fd, n, buffer, text);
}

static void set_up(void)
{
    int reading;

    signal(SIGPIPE, SIG_IGN);
    both = make("both", O_RDWR);
    put(both, "both ways");
    reader = make("pair", O_RDONLY | O_NONBLOCK);
    writer = make("pair", O_WRONLY);
    put(writer, "through a name");
    lonely = make("lonely", O_RDONLY | O_NONBLOCK);
    deleted = make("deleted", O_RDWR);
    put(deleted, "without a name");
    unlink(name("deleted"));
    reading = make("unread", O_RDONLY | O_NONBLOCK);
    unread = make("unread", O_WRONLY);
    put(unread, "for the next reader");
    close(reading);
}

static void check(void)
{
    struct pollfd poll_fd = {.fd = lonely};
    struct stat st;
    int again;

    expect(both, "both ways");
    if (fstat(both, &st) != 0 || !S_ISFIFO(st.st_mode) || (st.st_mode & 0777) != 0640)
        sc_fail("mode %o", st.st_mode);
    again = open(name("both"), O_WRONLY | O_NONBLOCK);
    put(again, "by name");
    expect(both, "by name");
    expect(reader, "through a name");
    close(writer);
    expect(reader, "");
    if (poll(&poll_fd, 1, 0) != 0)
        sc_fail("a reader who never had a writer polls as %d", poll_fd.revents);
    expect(lonely, "");
    again = open(name("lonely"), O_WRONLY | O_NONBLOCK);
    put(again, "from outside");
    expect(lonely, "from outside");
    expect(deleted, "without a name");
    if (write(unread, "x", 1) != -1 || errno != EPIPE)
        sc_fail("a named pipe without readers takes bytes");
    again = open(name("unread"), O_RDONLY | O_NONBLOCK);
    expect(again, "for the next reader");
}

int main(int argc, char **argv)
{
    sc_init(argc, argv, "named pipes keep their contents");
    set_up();
    sc_ready();
    sc_wait();
    check();
    sc_pass();
}
