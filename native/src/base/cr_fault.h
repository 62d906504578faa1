/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. Fault points: places with a name at which a test makes the process die, stop or fail, as with
 * CR_FAULT=dump:after-threads=kill in the environment of the process. The environment is read once, by
 * cr_fault_init(), never in frozen code. Without CR_FAULT a point costs one load.
 */
#ifndef CR_FAULT_H
#define CR_FAULT_H

/*
 * Parses SPEC, "POINT=ACTION[@N][,POINT=ACTION...]"; actions: kill, stop, fail (the point returns -EIO), enospc,
 * delay (0.03 s of computing, for races); with @N only
 * at the Nth visit of the point. NULL: none.
 */
void cr_fault_init(const char *spec);

/* Acts if POINT is armed. Returns 0, or the negative errno with which the caller shall fail. */
int cr_fault(const char *point);

#endif
