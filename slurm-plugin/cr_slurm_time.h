/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Lengths of time as Slurm's users write them. */
#ifndef CR_SLURM_TIME_H
#define CR_SLURM_TIME_H

enum { CR_SLURM_TIME_LONGEST = 100 * 24 * 3600 };

/*
 * Reads minutes, minutes:seconds, hours:minutes:seconds, days-hours, days-hours:minutes or days-hours:minutes:seconds.
 * 0, or -1 if TEXT is none of these, is no time at all, or more than 100 days.
 */
int cr_slurm_time_parse(const char *text, long *seconds);

#endif
