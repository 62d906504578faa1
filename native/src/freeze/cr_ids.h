/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. The call with ids that a thread is making, for who restores it. */
#ifndef CR_IDS_H
#define CR_IDS_H

#include "cr_id_call.h"

/* The newest of this thread, or NULL. Left behind by longjmp() it is recognised by its distance from the stack pointer. */
extern __thread struct cr_id_call *cr_id_call_current __attribute__((tls_model("initial-exec")));

#endif
