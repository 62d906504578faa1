/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. System V objects: which ones this process has to do with, the ids that it knows them by, and what its
 * operations with SEM_UNDO add up to (cr_sysv.h).
 */
#include "cr_preload.h"

#include "cr_agent.h"
#include "cr_noted.h"
#include "cr_sys.h"
#include "cr_sysv.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/msg.h>
#include <sys/shm.h>

static long answer(long rc)
{
    if (rc >= 0)
        return rc;
    errno = (int)-rc;
    return -1;
}

CR_WRAPPER int shmget(key_t key, size_t size, int flags)
{
    return cr_sysv_known_id(CR_SYSV_SEGMENT, CR_NEXT(shmget)(key, size, flags));
}

CR_WRAPPER void *shmat(int id, const void *address, int flags)
{
    return CR_NEXT(shmat)(cr_sysv_kernel_id(CR_SYSV_SEGMENT, id), address, flags);
}

/* Some commands take an index where others take an id. */
static int takes_index(int command)
{
    return command == IPC_INFO || command == SHM_INFO || command == SHM_STAT ||
           command == SHM_STAT_ANY || command == SEM_INFO || command == SEM_STAT ||
           command == SEM_STAT_ANY || command == MSG_INFO || command == MSG_STAT ||
           command == MSG_STAT_ANY;
}

CR_WRAPPER int shmctl(int id, int command, struct shmid_ds *status)
{
    if (takes_index(command))
        return CR_NEXT(shmctl)(id, command, status);
    return CR_NEXT(shmctl)(cr_sysv_kernel_id(CR_SYSV_SEGMENT, id), command, status);
}

CR_WRAPPER int semget(key_t key, int count, int flags)
{
    return cr_sysv_known_id(CR_SYSV_SEMAPHORES, CR_NEXT(semget)(key, count, flags));
}

static int has_undo(const struct sembuf *operations, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (operations[i].sem_flg & SEM_UNDO)
            return 1;
    }
    return 0;
}

int cr_preload_semtimedop(int id, struct sembuf *operations, size_t count,
                          const struct timespec *timeout)
{
    int kernel = cr_sysv_kernel_id(CR_SYSV_SEMAPHORES, id);
    struct cr_sysv_call *call;
    long rc;

    if (operations == NULL || !has_undo(operations, count))
        return (int)answer(cr_sys(SYS_semtimedop, kernel, operations, count, timeout));
    call = cr_sysv_call_begin(id, operations, count);
    if (call == NULL)
        return (int)answer(cr_sys(SYS_semtimedop, kernel, operations, count, timeout));
    rc = cr_noted_call(SYS_semtimedop, kernel, operations, (long)count, timeout, &call->result);
    cr_section_enter();
    cr_sysv_call_end(call);
    cr_section_leave();
    return (int)answer(rc);
}

CR_WRAPPER int semop(int id, struct sembuf *operations, size_t count)
{
    return cr_preload_semtimedop(id, operations, count, NULL);
}

/* The kernel forgets what is to be undone; a checkpoint must not come between. */
static int control_semaphores(int id, int number, int command, void *argument)
{
    int kernel = cr_sysv_kernel_id(CR_SYSV_SEMAPHORES, id);
    long rc;

    if (command != SETVAL && command != SETALL && command != IPC_RMID)
        return (int)answer(cr_sys(SYS_semctl, kernel, number, command, argument));
    cr_section_enter();
    rc = cr_sys(SYS_semctl, kernel, number, command, argument);
    if (rc >= 0)
        cr_sysv_undo_forget(id, command == SETVAL ? number : -1);
    if (rc >= 0 && command == IPC_RMID)
        cr_sysv_forget(CR_SYSV_SEMAPHORES, id);
    cr_section_leave();
    return (int)answer(rc);
}

CR_WRAPPER int semctl(int id, int number, int command, ...)
{
    va_list arguments;
    void *argument;

    va_start(arguments, command);
    argument = va_arg(arguments, void *);
    va_end(arguments);
    if (takes_index(command))
        return (int)answer(cr_sys(SYS_semctl, id, number, command, argument));
    return control_semaphores(id, number, command, argument);
}

CR_WRAPPER int msgget(key_t key, int flags)
{
    return cr_sysv_known_id(CR_SYSV_QUEUE, CR_NEXT(msgget)(key, flags));
}

CR_WRAPPER int msgsnd(int id, const void *message, size_t size, int flags)
{
    return CR_NEXT(msgsnd)(cr_sysv_kernel_id(CR_SYSV_QUEUE, id), message, size, flags);
}

CR_WRAPPER ssize_t msgrcv(int id, void *message, size_t size, long type, int flags)
{
    return CR_NEXT(msgrcv)(cr_sysv_kernel_id(CR_SYSV_QUEUE, id), message, size, type, flags);
}

CR_WRAPPER int msgctl(int id, int command, struct msqid_ds *status)
{
    int rc;

    if (takes_index(command))
        return CR_NEXT(msgctl)(id, command, status);
    rc = CR_NEXT(msgctl)(cr_sysv_kernel_id(CR_SYSV_QUEUE, id), command, status);
    if (rc == 0 && command == IPC_RMID)
        cr_sysv_forget(CR_SYSV_QUEUE, id);
    return rc;
}
