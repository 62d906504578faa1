/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. cr_checkpoint is two processes: the worker asks for the checkpoint, and the other one, of which the
 * shell knows, waits for it, shows how far it is, and hands its status on. So the tree that cr_checkpoint itself runs in can
 * be checkpointed: the worker is left out, and the other one finds itself without a worker after a restart, which is a
 * success.
 */
#ifndef CR_CHECKPOINT_RELAY_H
#define CR_CHECKPOINT_RELAY_H

#include <limits.h>

/* What the worker tells the one that waits. */
struct cr_checkpoint_progress {
    char phase[32];
    char file[PATH_MAX]; /* that grows; "": none */
};

/*
 * Returns in the worker, with RET_PROGRESS shared; the other process ends here with the worker's status. SHOW: it draws how far the
 * worker is; QUIET: it says nothing.
 */
void cr_checkpoint_relay(int show, int quiet, struct cr_checkpoint_progress **ret_progress);

#endif
