/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Families of processes for the tests of groups. Each says "ready" when it stands.
 *   count                 counts in one file, named after its pid, for as long as it lives
 *   fork N [exec]         keeps N children alive, each for 20 to 220 ms; counts them in FILE "forks"
 *   dead                  two children that nobody waits for: one ended with 3, one died of SIGKILL
 *   pair FAULT            a child that counts, and one that runs with CR_FAULT
 *   wide                  a leader of a session, a child in a group of its own, and an orphan
 *   share                 a child that shares an mmap'ed page, a file and a pipe
 *   vfork                 a child of vfork that sleeps for 8 s before it ends
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *own_path;

static void pause_ms(long ms)
{
    const struct timespec t = {ms / 1000, ms % 1000 * 1000000};

    nanosleep(&t, NULL);
}

static void write_number(const char *name, long number)
{
    char text[32];
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    int n = snprintf(text, sizeof(text), "%ld\n", number);

    if (fd < 0 || write(fd, text, (size_t)n) != n)
        _exit(90);
    close(fd);
}

static void say_ready(void)
{
    if (write(1, "ready\n", 6) != 6)
        _exit(91);
}

static _Noreturn void count(void)
{
    char name[32];

    snprintf(name, sizeof(name), "count.%d", getpid());
    for (long i = 0;; i++) {
        write_number(name, i);
        pause_ms(10);
    }
}

static _Noreturn void live_shortly(long number, int may_exec)
{
    srand((unsigned)(number + getpid()));
    if (may_exec && number % 3 == 0) {
        execlp("sleep", "sleep", "0.1", NULL);
        _exit(92);
    }
    pause_ms(20 + rand() % 200);
    _exit((int)(number % 7));
}

static _Noreturn void keep_forking(int wanted, int may_exec)
{
    long number = 0;
    int alive = 0;

    for (;;) {
        while (alive < wanted) {
            if (fork() == 0)
                live_shortly(number, may_exec);
            number++;
            alive++;
        }
        if (wait(NULL) > 0)
            alive--;
        write_number("forks", number);
        if (number >= wanted && number < wanted + 2)
            say_ready();
    }
}

static void leave_dead(void)
{
    if (fork() == 0)
        _exit(3);
    if (fork() == 0) {
        raise(SIGKILL);
        _exit(93);
    }
    pause_ms(300);
}

static void make_pair(const char *fault)
{
    if (fork() == 0)
        count();
    if (fork() == 0) {
        setenv("CR_FAULT", fault, 1);
        execl(own_path, own_path, "count", NULL);
        _exit(94);
    }
    pause_ms(300);
}

static void spread(void)
{
    setsid();
    if (fork() == 0) {
        setpgid(0, 0);
        count();
    }
    if (fork() == 0) {
        if (fork() == 0)
            count();
        _exit(0);
    }
    wait(NULL);
    pause_ms(100);
}

static void share(void)
{
    volatile int *page =
        mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int fds[2];

    page[0] = 1;
    if (pipe(fds) < 0 || open("/etc/passwd", O_RDONLY) < 0)
        _exit(95);
    if (fork() == 0) {
        page[1024] = 2;
        count();
    }
    pause_ms(100);
}

/* The child runs in our memory and must not return. */
static void wait_in_vfork(void)
{
    say_ready();
    if (vfork() == 0) {
        pause_ms(8000);
        _exit(0);
    }
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";

    own_path = argv[0];
    if (strcmp(mode, "fork") == 0 && argc > 2)
        keep_forking(atoi(argv[2]), argc > 3);
    if (strcmp(mode, "dead") == 0)
        leave_dead();
    if (strcmp(mode, "pair") == 0 && argc > 2)
        make_pair(argv[2]);
    if (strcmp(mode, "wide") == 0)
        spread();
    if (strcmp(mode, "share") == 0)
        share();
    if (strcmp(mode, "vfork") == 0)
        wait_in_vfork();
    say_ready();
    count();
}
