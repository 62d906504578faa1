/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. The application's C library remembers addresses inside the vdso, which no other
 * process has at the same place. So it is given a vdso of ours (fakevdso.so), which jumps through a
 * table in the info page.
 */
#ifndef CR_LOWER_VDSO_H
#define CR_LOWER_VDSO_H

#include "cr_error.h"

#include <stdint.h>

/* Writes the real vdso's functions and bounds into the info page. */
void cr_lower_vdso_bind(void);

/* Maps the fake vdso PATH for the application and writes its bounds into the info page. */
int cr_lower_vdso_load(const char *path, struct cr_error *err);

/* After a restart: the fake vdso lies at START in the image. */
void cr_lower_vdso_found(uint64_t start);

#endif
