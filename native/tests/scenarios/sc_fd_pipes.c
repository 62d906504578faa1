/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Pipes keep their contents, sizes, flags, packets, and the loss of an end. */
#include "scenario.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>

static int plain[2], packets[2], no_writer[2], no_reader[2], large[2], full[2], empty[2];
static int second_writer;
static ssize_t late_read, late_write;
static char late_byte;

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

static void *read_late(void *argument)
{
    (void)argument;
    late_read = read(empty[0], &late_byte, 1);
    return NULL;
}

static void *write_late(void *argument)
{
    (void)argument;
    late_write = write(full[1], "!", 1);
    return NULL;
}

static void fill_up(int fd)
{
    char page[4096];

    memset(page, 'f', sizeof(page));
    fcntl(fd, F_SETFL, O_NONBLOCK);
    while (write(fd, page, sizeof(page)) > 0)
        ;
    fcntl(fd, F_SETFL, 0);
}

static void set_up(void)
{
    char path[64];

    if (pipe2(plain, O_CLOEXEC) != 0 || pipe2(packets, O_DIRECT) != 0 || pipe(no_writer) != 0 ||
        pipe(no_reader) != 0 || pipe2(large, O_NONBLOCK) != 0 || pipe(full) != 0 ||
        pipe(empty) != 0)
        sc_fail("pipe: %s", strerror(errno));
    put(plain[1], "0123456789");
    put(packets[1], "first");
    put(packets[1], "second packet");
    put(packets[1], "x");
    put(no_writer[1], "last words");
    close(no_writer[1]);
    close(no_reader[0]);
    if (fcntl(large[1], F_SETPIPE_SZ, 262144) != 262144)
        sc_fail("F_SETPIPE_SZ: %s", strerror(errno));
    fill_up(full[1]);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", plain[1]);
    second_writer = open(path, O_WRONLY | O_NONBLOCK);
    signal(SIGPIPE, SIG_IGN);
}

static void check_ends(void)
{
    struct pollfd poll_fd = {.fd = no_writer[0]};
    char byte;

    if (poll(&poll_fd, 1, 0) != 1 || (poll_fd.revents & POLLHUP) == 0)
        sc_fail("a pipe without writers does not say so: %d", poll_fd.revents);
    expect(no_writer[0], "last words");
    if (read(no_writer[0], &byte, 1) != 0)
        sc_fail("no end of file where there are no writers");
    if (write(no_reader[1], "x", 1) != -1 || errno != EPIPE)
        sc_fail("no EPIPE where there are no readers");
    if (read(large[0], &byte, 1) != -1 || errno != EAGAIN)
        sc_fail("O_NONBLOCK or a writer is lost");
}

static void check_packets(void)
{
    char byte;

    if (read(packets[0], &byte, 1) != 1 || byte != 'f')
        sc_fail("first packet is lost");
    expect(packets[0], "second packet");
    expect(packets[0], "x");
    put(packets[1], "a");
    put(packets[1], "b");
    expect(packets[0], "a");
    expect(packets[0], "b");
}

static void check(void)
{
    expect(plain[0], "0123456789");
    fcntl(plain[1], F_SETFL, 0);
    if ((fcntl(second_writer, F_GETFL) & (O_NONBLOCK | O_ACCMODE)) != (O_NONBLOCK | O_WRONLY))
        sc_fail("the second open file description of an end has other flags");
    put(second_writer, "more");
    expect(plain[0], "more");
    if (fcntl(plain[0], F_GETFD) != FD_CLOEXEC || fcntl(packets[0], F_GETFD) != 0)
        sc_fail("close-on-exec is lost");
    if (fcntl(large[0], F_GETPIPE_SZ) != 262144)
        sc_fail("the size of a pipe is %d", fcntl(large[0], F_GETPIPE_SZ));
    check_packets();
    check_ends();
}

static void check_late(pthread_t reader, pthread_t writer)
{
    char page[4096];
    int left = 0;

    if (read(full[0], page, sizeof(page)) != (ssize_t)sizeof(page) || page[4095] != 'f')
        sc_fail("the full pipe gives other bytes");
    put(empty[1], "y");
    pthread_join(reader, NULL);
    pthread_join(writer, NULL);
    ioctl(full[0], FIONREAD, &left);
    if (late_read != 1 || late_byte != 'y' || late_write != 1 || left != 65536 - 4096 + 1)
        sc_fail("blocked calls gave %zd, %zd; %d bytes", late_read, late_write, left);
}

int main(int argc, char **argv)
{
    pthread_t reader, writer;

    sc_init(argc, argv, "pipes keep their contents and their ends");
    set_up();
    pthread_create(&reader, NULL, read_late, NULL);
    pthread_create(&writer, NULL, write_late, NULL);
    sc_ready();
    sc_wait();
    check();
    check_late(reader, writer);
    sc_pass();
}
