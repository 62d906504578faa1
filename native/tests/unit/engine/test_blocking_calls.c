/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocking calls, each in a thread of its own, while all threads are stopped every 50 ms: none may
 * end before its time or with EINTR, and those with a timeout keep their deadline.
 */
#include "agent_thread.h"
#include "cr_freeze.h"
#include "socket_calls.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIMEOUT 1.2
#define LATEST 2.2 /* on a busy machine */

struct call {
    const char *name;
    int timed;          /* ends by itself after TIMEOUT */
    long (*make)(void); /* 0: as expected */
    volatile int done;
    volatile pid_t tid;
    long result;
    int error;
    double took;
};

static int pipe_fds[2], epoll_fd, event_fd, timer_fd;
static int notify_fd, semaphores, messages, lock_fd;
static uint32_t word, timed_word;
static sem_t posted, never_posted;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, other_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER, never = PTHREAD_COND_INITIALIZER;
static pthread_t joined;
static volatile int stop;
static char directory[] = "/tmp/quiesce-calls.XXXXXX";
static char lock_path[64], notify_path[64];
static const struct timespec timeout = {1, 200000000};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static struct timespec deadline(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    t.tv_sec += 1;
    t.tv_nsec += 200000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_nsec -= 1000000000;
        t.tv_sec++;
    }
    return t;
}

static long call_nanosleep(void)
{
    struct timespec rest;
    return syscall(SYS_nanosleep, &timeout, &rest);
}
static long call_sleep(void)
{
    struct timespec both = timeout;
    return syscall(SYS_clock_nanosleep, CLOCK_REALTIME, 0, &both, &both);
}
static long call_sleep_until(void)
{
    struct timespec t = deadline(CLOCK_MONOTONIC);
    return clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}
static long call_poll(void)
{
    return syscall(SYS_poll, NULL, 0, 1200);
}
static long call_poll_forever(void)
{
    struct pollfd p = {pipe_fds[0], POLLIN, 0};
    return poll(&p, 1, -1) - 1;
}
static long call_ppoll(void)
{
    return ppoll(NULL, 0, &timeout, NULL);
}
static long call_epoll(void)
{
    struct epoll_event event;
    return epoll_wait(epoll_fd, &event, 1, 1200);
}
static long call_epoll_forever(void)
{
    struct epoll_event event = {.events = EPOLLIN};
    int fd = epoll_create1(0);
    epoll_ctl(fd, EPOLL_CTL_ADD, pipe_fds[0], &event);
    return epoll_wait(fd, &event, 1, -1) - 1;
}
static long call_select(void)
{
    struct timeval t = {1, 200000};
    return select(0, NULL, NULL, NULL, &t);
}
static long call_futex(void)
{
    return syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL, NULL, 0);
}
static long call_futex_timed(void)
{
    long rc = syscall(SYS_futex, &timed_word, FUTEX_WAIT, 0, &timeout, NULL, 0);
    return rc < 0 && errno == ETIMEDOUT ? 0 : -1;
}
static long call_read_pipe(void)
{
    char c;
    return read(pipe_fds[0], &c, 1) - 1;
}
static long call_sem_wait(void)
{
    return sem_wait(&posted);
}
static long call_sem_timedwait(void)
{
    struct timespec t = deadline(CLOCK_REALTIME);
    return sem_timedwait(&never_posted, &t) < 0 && errno == ETIMEDOUT ? 0 : -1;
}
static long call_cond_timedwait(void)
{
    struct timespec t = deadline(CLOCK_REALTIME);
    int rc;
    pthread_mutex_lock(&mutex);
    rc = pthread_cond_timedwait(&never, &mutex, &t);
    pthread_mutex_unlock(&mutex);
    return rc == ETIMEDOUT ? 0 : -1;
}
static long call_cond_wait(void)
{
    int rc;
    pthread_mutex_lock(&other_mutex);
    rc = pthread_cond_wait(&condition, &other_mutex);
    pthread_mutex_unlock(&other_mutex);
    return rc;
}
static long call_pause(void)
{
    return pause() < 0 && errno == EINTR && stop ? 0 : -1;
}
static long call_sigtimedwait(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    return sigtimedwait(&set, NULL, &timeout) < 0 && errno == EAGAIN ? 0 : -1;
}
static long call_semop(void)
{
    struct sembuf take = {0, -1, 0};
    return semop(semaphores, &take, 1);
}
static long call_msgrcv(void)
{
    struct {
        long type;
        char text[8];
    } message;
    return msgrcv(messages, &message, 8, 0, 0) - 8;
}
static long call_waitpid(void)
{
    const struct timespec t = {2, 0};
    pid_t child = fork();
    if (child == 0) {
        syscall(SYS_nanosleep, &t, NULL);
        _exit(0);
    }
    return waitpid(child, NULL, 0) == child ? 0 : -1;
}
static long call_inotify(void)
{
    char buffer[4096];
    return read(notify_fd, buffer, sizeof(buffer)) > 0 ? 0 : -1;
}
static long call_eventfd(void)
{
    uint64_t value;
    return read(event_fd, &value, 8) - 8;
}
static long call_timerfd(void)
{
    uint64_t value;
    return read(timer_fd, &value, 8) - 8;
}
static long call_join(void)
{
    return pthread_join(joined, NULL);
}
static long call_flock(void)
{
    int fd = open(lock_path, O_RDWR);
    return flock(fd, LOCK_EX);
}

static struct call calls[] = {
    {"nanosleep", 1, call_nanosleep, 0, 0, 0, 0, 0},
    {"clock_nanosleep into its own request", 1, call_sleep, 0, 0, 0, 0, 0},
    {"clock_nanosleep until", 1, call_sleep_until, 0, 0, 0, 0, 0},
    {"poll", 1, call_poll, 0, 0, 0, 0, 0},
    {"poll for ever", 0, call_poll_forever, 0, 0, 0, 0, 0},
    {"ppoll", 1, call_ppoll, 0, 0, 0, 0, 0},
    {"epoll_wait", 1, call_epoll, 0, 0, 0, 0, 0},
    {"epoll_wait for ever", 0, call_epoll_forever, 0, 0, 0, 0, 0},
    {"select", 1, call_select, 0, 0, 0, 0, 0},
    {"futex", 0, call_futex, 0, 0, 0, 0, 0},
    {"futex with timeout", 1, call_futex_timed, 0, 0, 0, 0, 0},
    {"read of a pipe", 0, call_read_pipe, 0, 0, 0, 0, 0},
    {"recv", 0, call_recv, 0, 0, 0, 0, 0},
    {"recv with SO_RCVTIMEO", 1, call_recv_timed, 0, 0, 0, 0, 0},
    {"read with SO_RCVTIMEO", 1, call_read_timed, 0, 0, 0, 0, 0},
    {"recvmsg with SO_RCVTIMEO in a handler", 1, call_recvmsg_inside, 0, 0, 0, 0, 0},
    {"accept with SO_RCVTIMEO", 1, call_accept_timed, 0, 0, 0, 0, 0},
    {"send with SO_SNDTIMEO", 1, call_send_timed, 0, 0, 0, 0, 0},
    {"recv with SO_RCVTIMEO that gets a byte", 0, call_recv_in_time, 0, 0, 0, 0, 0},
    {"accept", 0, call_accept, 0, 0, 0, 0, 0},
    {"sem_wait", 0, call_sem_wait, 0, 0, 0, 0, 0},
    {"sem_timedwait", 1, call_sem_timedwait, 0, 0, 0, 0, 0},
    {"pthread_cond_timedwait", 1, call_cond_timedwait, 0, 0, 0, 0, 0},
    {"pthread_cond_wait", 0, call_cond_wait, 0, 0, 0, 0, 0},
    {"pause", 0, call_pause, 0, 0, 0, 0, 0},
    {"sigtimedwait", 1, call_sigtimedwait, 0, 0, 0, 0, 0},
    {"semop", 0, call_semop, 0, 0, 0, 0, 0},
    {"msgrcv", 0, call_msgrcv, 0, 0, 0, 0, 0},
    {"waitpid", 0, call_waitpid, 0, 0, 0, 0, 0},
    {"read of inotify", 0, call_inotify, 0, 0, 0, 0, 0},
    {"read of an eventfd", 0, call_eventfd, 0, 0, 0, 0, 0},
    {"read of a timerfd", 0, call_timerfd, 0, 0, 0, 0, 0},
    {"pthread_join", 0, call_join, 0, 0, 0, 0, 0},
    {"flock", 0, call_flock, 0, 0, 0, 0, 0},
};
#define CALLS (sizeof(calls) / sizeof(*calls))

static void *make_call(void *argument)
{
    struct call *c = argument;
    double begun = now();

    c->tid = (pid_t)syscall(SYS_gettid);
    errno = 0;
    c->result = c->make();
    c->error = errno;
    c->took = now() - begun;
    c->done = 1;
    return NULL;
}

static void *run_until_stop(void *unused)
{
    while (!stop)
        usleep(20000);
    return unused;
}

static void ignore(int number)
{
    (void)number;
}

static void make_objects(void)
{
    const struct itimerspec timer = {.it_value = {2, 0}};

    if (pipe(pipe_fds) < 0)
        exit(3);
    socket_calls_make_objects();
    epoll_fd = epoll_create1(0);
    event_fd = eventfd(0, 0);
    timer_fd = timerfd_create(CLOCK_MONOTONIC, 0);
    timerfd_settime(timer_fd, 0, &timer, NULL);
    notify_fd = inotify_init();
    snprintf(notify_path, sizeof(notify_path), "%s/watched", directory);
    mkdir(notify_path, 0700);
    inotify_add_watch(notify_fd, notify_path, IN_ALL_EVENTS);
    semaphores = semget(IPC_PRIVATE, 1, 0600 | IPC_CREAT);
    messages = msgget(IPC_PRIVATE, 0600 | IPC_CREAT);
    snprintf(lock_path, sizeof(lock_path), "%s/lock", directory);
    lock_fd = open(lock_path, O_RDWR | O_CREAT, 0600);
    flock(lock_fd, LOCK_EX);
}

/* Lets everything end that waits for something. */
static void satisfy(void)
{
    struct sembuf give = {0, 1, 0};
    struct {
        long type;
        char text[8];
    } message = {1, "message"};
    uint64_t one = 1;
    char path[80];

    stop = 1;
    socket_calls_satisfy();
    sem_post(&posted);
    word = 1;
    syscall(SYS_futex, &word, FUTEX_WAKE, 100, NULL, NULL, 0);
    pthread_cond_broadcast(&condition);
    semop(semaphores, &give, 1);
    msgsnd(messages, &message, 8, 0);
    snprintf(path, sizeof(path), "%s/x", notify_path);
    close(open(path, O_CREAT | O_RDWR, 0600));
    if (write(event_fd, &one, 8) != 8 || write(pipe_fds[1], "yyyy", 4) != 4)
        exit(3);
    flock(lock_fd, LOCK_UN);
}

static void stop_all(int *ret_failures)
{
    struct cr_error err = {0};

    if (cr_freeze_stop(CR_STOP_TIMEOUT_NS, &err) < 0) {
        printf("# %s\n", err.text);
        (*ret_failures)++;
    }
    cr_freeze_release();
}

static void remove_files(void)
{
    char path[80];

    snprintf(path, sizeof(path), "%s/x", notify_path);
    unlink(path);
    rmdir(notify_path);
    unlink(lock_path);
    rmdir(directory);
}

/* Stops everything every 50 ms until SECONDS after BEGUN. */
static int stop_until(double end, int *ret_failures)
{
    int stops = 0;

    while (now() < end) {
        stop_all(ret_failures);
        stops++;
        usleep(50000);
    }
    return stops;
}

static void check(const struct call *c)
{
    char text[160];
    int in_time = !c->timed || (c->took >= TIMEOUT - 0.01 && c->took < LATEST);

    snprintf(text, sizeof(text), "%s: result %ld, errno %d after %.3f s", c->name, c->result,
             c->error, c->took);
    tap_ok(c->done && c->result == 0 && in_time, text);
}

int main(void)
{
    const struct cr_freeze_rules rules = {NULL, is_agent};
    pthread_t threads[CALLS];
    double begun;
    int failures = 0;
    int early = 0;
    int stops;

    if (mkdtemp(directory) == NULL)
        return 3;
    cr_freeze_set_rules(&rules);
    signal(SIGUSR1, ignore);
    sem_init(&posted, 0, 0);
    sem_init(&never_posted, 0, 0);
    make_objects();
    pthread_create(&joined, NULL, run_until_stop, NULL);
    begun = now();
    for (size_t i = 0; i < CALLS; i++)
        pthread_create(&threads[i], NULL, make_call, &calls[i]);
    stops = stop_until(begun + 1.0, &failures);
    for (size_t i = 0; i < CALLS; i++)
        early += calls[i].done;
    tap_ok(early == 0, "no call ended early");
    stops += stop_until(begun + LATEST, &failures);
    satisfy();
    for (int i = 0; i < 50; i++) {
        for (size_t k = 0; k < CALLS; k++)
            if (!calls[k].done && calls[k].make == call_pause)
                syscall(SYS_tgkill, getpid(), calls[k].tid, SIGUSR1);
        usleep(20000);
    }
    semctl(semaphores, 0, IPC_RMID);
    msgctl(messages, IPC_RMID, NULL);
    remove_files();
    for (size_t i = 0; i < CALLS; i++)
        check(&calls[i]);
    tap_ok(failures == 0 && stops > 10, "every stop succeeded");
    printf("# %d stops\n", stops);
    return tap_done();
}
