/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* timerfds go on with what was left, and keep the expirations that nobody has read. */
#include "scenario.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <sys/timerfd.h>

static int make(int clock, int flags, double first, double interval)
{
    int fd = timerfd_create(clock, TFD_NONBLOCK);
    struct itimerspec t = {{(time_t)interval, (long)((interval - (double)(time_t)interval) * 1e9)},
                           {(time_t)first, (long)((first - (double)(time_t)first) * 1e9)}};

    if (fd < 0 || timerfd_settime(fd, flags, &t, NULL) != 0)
        sc_fail("timerfd: %s", strerror(errno));
    return fd;
}

static double left(int fd, double *interval)
{
    struct itimerspec t;

    timerfd_gettime(fd, &t);
    *interval = (double)t.it_interval.tv_sec + (double)t.it_interval.tv_nsec * 1e-9;
    return (double)t.it_value.tv_sec + (double)t.it_value.tv_nsec * 1e-9;
}

static void expect_left(int fd, double low, double high, double interval, const char *name)
{
    double step;
    double now = left(fd, &step);

    if (now < low || now > high || step < interval - 1e-6 || step > interval + 1e-6)
        sc_fail("%s has %f s left and an interval of %f s", name, now, step);
}

static uint64_t ticks(int fd)
{
    uint64_t n = 0;

    return read(fd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

int main(int argc, char **argv)
{
    struct timespec real;
    struct pollfd poll_fd;
    double day, point;
    int fast[20], one, periodic, absolute, expired, idle, calendar, many;

    sc_init(argc, argv, "timerfds are kept");
    clock_gettime(CLOCK_REALTIME, &real);
    day = (double)real.tv_sec + 86400;
    one = make(CLOCK_MONOTONIC, 0, 1000, 0);
    periodic = make(CLOCK_BOOTTIME, 0, 2000, 5);
    point = sc_now() + 3000;
    absolute = make(CLOCK_MONOTONIC, TFD_TIMER_ABSTIME, point, 0);
    calendar = make(CLOCK_REALTIME, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, day, 60);
    expired = make(CLOCK_MONOTONIC, 0, 0.001, 0);
    many = make(CLOCK_MONOTONIC, 0, 0.001, 0.001);
    for (int i = 0; i < 20; i++)
        fast[i] = make(CLOCK_MONOTONIC, 0, 0.00001, 0.00001 * (i + 1));
    idle = timerfd_create(CLOCK_REALTIME, 0);
    poll_fd = (struct pollfd){.fd = many, .events = POLLIN};
    poll(&poll_fd, 1, 5000);
    poll_fd.fd = expired;
    poll(&poll_fd, 1, 5000);
    for (double start = sc_now(); sc_now() < start + 0.005;)
        poll(NULL, 0, 1);
    sc_ready();
    sc_wait();
    expect_left(one, 800, 1000, 0, "a timer");
    expect_left(periodic, 1800, 2000, 5, "a periodic timer");
    expect_left(absolute, point - sc_now() - 1, point - sc_now() + 1, 0, "an absolute timer");
    expect_left(calendar, 86000, 86400, 60, "a timer of the calendar");
    expect_left(idle, 0, 0, 0, "an idle timer");
    if (ticks(expired) != 1 || ticks(expired) != 0)
        sc_fail("one expiration that nobody had read is lost, or comes twice");
    if (ticks(many) < 2)
        sc_fail("many expirations are lost");
    poll_fd.fd = many;
    if (poll(&poll_fd, 1, 5000) != 1)
        sc_fail("a periodic timer does not go on");
    for (int i = 0; i < 20; i++) {
        ticks(fast[i]);
        poll_fd.fd = fast[i];
        if (poll(&poll_fd, 1, 5000) != 1)
            sc_fail("a fast timer does not go on");
    }
    sc_pass();
}
