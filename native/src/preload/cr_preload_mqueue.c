/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. The kernel does not tell later which value comes with the signal of mq_notify(), so it is noted here. */
#include "cr_mqueue_notice.h"
#include "cr_preload.h"

#include "cr_agent.h"

#include <errno.h>
#include <mqueue.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

static struct cr_mqueue_notice *find(const struct stat *st)
{
    struct cr_mqueue_notice *n = __atomic_load_n(&cr_mqueue_notices, __ATOMIC_ACQUIRE);

    while (n != NULL && (n->device != st->st_dev || n->inode != st->st_ino))
        n = n->next;
    return n;
}

static struct cr_mqueue_notice *add(const struct stat *st)
{
    struct cr_mqueue_notice *n = calloc(1, sizeof(*n));

    if (n == NULL)
        return NULL;
    n->device = st->st_dev;
    n->inode = st->st_ino;
    n->next = __atomic_load_n(&cr_mqueue_notices, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&cr_mqueue_notices, &n->next, n, 0, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED))
        ;
    return n;
}

/* A checkpoint must not come between the call and the note. */
static int call_and_note(mqd_t queue, const struct sigevent *event, struct cr_mqueue_notice *n)
{
    int saved;
    int rc;

    cr_section_enter();
    rc = CR_NEXT(mq_notify)(queue, event);
    saved = errno;
    if (rc == 0) {
        n->kind = event->sigev_notify;
        n->signal = event->sigev_signo;
        n->value = (uint64_t)event->sigev_value.sival_ptr;
    }
    cr_section_leave();
    errno = saved;
    return rc;
}

CR_WRAPPER int mq_notify(mqd_t queue, const struct sigevent *event)
{
    struct cr_mqueue_notice *n;
    struct stat st;

    if (event == NULL || event->sigev_notify == SIGEV_THREAD || fstat(queue, &st) != 0)
        return CR_NEXT(mq_notify)(queue, event);
    n = find(&st);
    if (n == NULL)
        n = add(&st);
    return n != NULL ? call_and_note(queue, event, n) : CR_NEXT(mq_notify)(queue, event);
}
