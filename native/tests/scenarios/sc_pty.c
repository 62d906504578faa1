/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* A pseudoterminal with both ends inside: modes, window, what is typed and written and not read, and a child's session on it. */
#include "sc_sock.h"

#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>

static int master, slave, raw_master, raw_slave;
static const struct winsize WINDOW = {31, 97, 0, 0};

static void set_up_lines(void)
{
    struct termios modes;

    CHECK(openpty(&master, &slave, NULL, NULL, &WINDOW) == 0);
    CHECK(tcgetattr(slave, &modes) == 0);
    modes.c_lflag &= ~(tcflag_t)ECHO;
    modes.c_cc[VINTR] = 7;
    CHECK(tcsetattr(slave, TCSANOW, &modes) == 0);
    CHECK(write(master, "one\ntwo\nthr", 11) == 11);
    CHECK(write(slave, "out\n", 4) == 4);
}

static void check_lines(void)
{
    struct termios modes;
    struct winsize window;
    char text[64];

    CHECK(tcgetattr(slave, &modes) == 0);
    CHECK(!(modes.c_lflag & ECHO) && (modes.c_lflag & ICANON) && modes.c_cc[VINTR] == 7);
    CHECK(ioctl(slave, TIOCGWINSZ, &window) == 0 && memcmp(&window, &WINDOW, sizeof(window)) == 0);
    CHECK(read(slave, text, sizeof(text)) == 4 && memcmp(text, "one\n", 4) == 0);
    CHECK(read(slave, text, sizeof(text)) == 4 && memcmp(text, "two\n", 4) == 0);
    CHECK(write(master, "ee\n", 3) == 3);
    CHECK(read(slave, text, sizeof(text)) == 6 && memcmp(text, "three\n", 6) == 0);
    CHECK(read(master, text, sizeof(text)) == 5 && memcmp(text, "out\r\n", 5) == 0);
}

static void set_up_raw(void)
{
    struct termios modes;

    CHECK(openpty(&raw_master, &raw_slave, NULL, NULL, NULL) == 0);
    CHECK(tcgetattr(raw_slave, &modes) == 0);
    cfmakeraw(&modes);
    CHECK(tcsetattr(raw_slave, TCSANOW, &modes) == 0);
    CHECK(write(raw_master, "\003\004x\n", 4) == 4);
    CHECK(fcntl(raw_master, F_SETFL, O_NONBLOCK) == 0);
}

static void check_raw(void)
{
    char text[64];

    CHECK(read(raw_slave, text, sizeof(text)) == 4 && memcmp(text, "\003\004x\n", 4) == 0);
    CHECK(read(raw_master, text, sizeof(text)) < 0 && errno == EAGAIN);
    CHECK(write(raw_slave, "a\n", 2) == 2);
    CHECK(read(raw_master, text, sizeof(text)) == 2 && memcmp(text, "a\n", 2) == 0);
}

/* A session on a terminal of its own, which its parent reads. */
static int start_session(pid_t *ret_pid)
{
    char byte;
    int fd;
    pid_t pid = forkpty(&fd, NULL, NULL, NULL);

    CHECK(pid >= 0);
    if (pid == 0) {
        int tty;

        if (write(1, "r", 1) != 1)
            _exit(1);
        sc_wait();
        tty = open("/dev/tty", O_RDWR);
        if (tty < 0 || write(tty, "t", 1) != 1 || tcgetpgrp(tty) != getpgrp())
            _exit(2);
        pause(); /* ended by the interrupt that is typed */
        _exit(3);
    }
    CHECK(read(fd, &byte, 1) == 1 && byte == 'r');
    *ret_pid = pid;
    return fd;
}

static void check_session(int fd, pid_t pid)
{
    struct pollfd events = {fd, POLLIN, 0};
    int status;
    char byte = 0;

    CHECK(poll(&events, 1, 10000) == 1);
    CHECK(read(fd, &byte, 1) == 1 && byte == 't');
    CHECK(write(fd, "\003", 1) == 1);
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
}

int main(int argc, char **argv)
{
    pid_t pid;
    int fd;

    sc_init(argc, argv, "pseudoterminals and a session on one");
    set_up_lines();
    set_up_raw();
    fd = start_session(&pid);
    sc_ready();
    sc_wait();
    check_lines();
    check_raw();
    check_session(fd, pid);
    sc_pass();
}
