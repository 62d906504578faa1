/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* POSIX shared memory and semaphores, by name and without. */
#include "memory.h"

#include <semaphore.h>

static sem_t unnamed;

int main(int argc, char **argv)
{
    char name[64];
    char path[96];
    sem_t *named;
    char *shared;
    int value = -1;
    int fd;

    sc_init(argc, argv, "POSIX shared memory and semaphores are kept");
    snprintf(name, sizeof(name), "/quiesce-scenario-%d", (int)getpid());
    fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, 16 * PAGE) != 0)
        sc_skip("no POSIX shared memory here");
    shared = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    mem_fill(shared, 8 * PAGE, 1);
    named = sem_open(name, O_CREAT | O_EXCL, 0600, 5);
    if (named == SEM_FAILED || sem_init(&unnamed, 1, 7) != 0)
        sc_fail("cannot make semaphores");
    sem_wait(named);
    sem_wait(&unnamed);
    sc_ready();
    sc_wait();
    mem_check("shared memory", shared, 8 * PAGE, 1);
    if (sem_getvalue(named, &value) != 0 || value != 4)
        sc_fail("a named semaphore has value %d", value);
    if (sem_getvalue(&unnamed, &value) != 0 || value != 6)
        sc_fail("an unnamed semaphore has value %d", value);
    shared[0] = 'x';
    fd = shm_open(name, O_RDWR | O_CLOEXEC, 0);
    if (fd < 0 || read(fd, path, 1) != 1 || path[0] != 'x')
        sc_fail("shared memory is not the object of its name any more");
    if (sem_post(named) != 0 || sem_unlink(name) != 0 || shm_unlink(name) != 0)
        sc_fail("the names are gone");
    sc_pass();
}
