/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. A rank restarted: a new lower half, the upper half from an image. */
#ifndef CR_LOWER_RESTORE_H
#define CR_LOWER_RESTORE_H

#include "cr_error.h"

/*
 * FOLDER is one complete checkpoint (DIR/REF/SEQUENCE); the image is that of the rank that the
 * launcher made this process. Calls MPI_Init_thread and continues the application; returns only on
 * failure.
 */
int cr_lower_restore(const char *folder, struct cr_error *err);

#endif
