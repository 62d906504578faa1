/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System V segments: contents, id, key, mode, where they are attached (twice, in part, read only), and one that goes with
 * its last user.
 */
#include "memory.h"

#include <sys/ipc.h>
#include <sys/shm.h>

#define SIZE (64 * PAGE)

static int made[4];

static char *attach(int index, key_t key, int flags)
{
    char *at;

    made[index] = shmget(key, SIZE - 100, IPC_CREAT | IPC_EXCL | 0640);
    if (made[index] < 0)
        sc_skip("no System V segments here");
    at = shmat(made[index], NULL, flags);
    if (at == (char *)-1)
        sc_fail("shmat");
    return at;
}

int main(int argc, char **argv)
{
    key_t key = (key_t)(0x51000000 + getpid());
    struct shmid_ds status;
    char *private, *named, *again, *cut, *gone, *reader;

    sc_init(argc, argv, "System V segments keep contents, ids and places");
    private = attach(0, IPC_PRIVATE, 0);
    named = attach(1, key, 0);
    cut = attach(2, IPC_PRIVATE, 0);
    gone = attach(3, IPC_PRIVATE, 0);
    again = shmat(made[1], NULL, 0);
    reader = shmat(made[0], NULL, SHM_RDONLY);
    shmctl(made[3], IPC_RMID, NULL);
    mem_fill(private, SIZE, 1);
    mem_fill(named, SIZE, 2);
    mem_fill(cut, SIZE, 3);
    mem_fill(gone, SIZE, 4);
    munmap(cut, 8 * PAGE);
    munmap(cut + 16 * PAGE, 8 * PAGE);
    sc_ready();
    sc_wait();
    mem_check("private segment", private, SIZE, 1);
    mem_check("read only", reader, SIZE, 1);
    mem_check("segment with a key", named, SIZE, 2);
    mem_check("removed segment", gone, SIZE, 4);
    if (*(uint32_t *)(cut + 40 * PAGE) != ((uint32_t)(40 * PAGE * 2654435761U) ^ (3 * 40503U)))
        sc_fail("a piece of a segment has changed");
    named[0] = 'n';
    private[0] = 'p';
    if (again[0] != 'n' || reader[0] != 'p')
        sc_fail("two places of one segment have become two segments");
    if (shmget(key, SIZE - 100, 0) != made[1])
        sc_fail("the key leads to another segment: %d, not %d", shmget(key, 0, 0), made[1]);
    if (shmctl(made[1], IPC_STAT, &status) != 0 || status.shm_segsz != SIZE - 100 ||
        (status.shm_perm.mode & 0777) != 0640 || status.shm_nattch != 2)
        sc_fail("the segment has another size, mode or number of users: %zu %o %lu",
                status.shm_segsz, status.shm_perm.mode, (unsigned long)status.shm_nattch);
    if (shmctl(made[3], IPC_STAT, &status) != 0 || (status.shm_perm.mode & SHM_DEST) == 0)
        sc_fail("a segment that was removed is not removed any more");
    if (shmdt(gone) != 0 || shmdt(named) != 0 || shmdt(again) != 0 || shmdt(reader) != 0)
        sc_fail("a segment cannot be detached");
    if (shmctl(made[3], IPC_STAT, &status) == 0)
        sc_fail("a segment that was removed is still there");
    again = shmat(made[1], NULL, 0);
    if (again == (char *)-1 || again[0] != 'n')
        sc_fail("a segment cannot be attached again");
    shmctl(made[0], IPC_RMID, NULL);
    shmctl(made[1], IPC_RMID, NULL);
    shmctl(made[2], IPC_RMID, NULL);
    sc_pass();
}
