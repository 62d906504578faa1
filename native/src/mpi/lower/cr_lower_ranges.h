/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal and frozen. The table of address ranges that belong to the lower half. What is
 * not in it belongs to the application and is saved, so a range must leave the table before the
 * kernel can give it to somebody else. All functions may be called with any FS base, from any
 * thread, while the application's threads are parked: they use neither malloc nor TLS, and wait for
 * one another only by a spin lock whose holder is never parked.
 */
#ifndef CR_LOWER_RANGES_H
#define CR_LOWER_RANGES_H

#include <stddef.h>
#include <stdint.h>

struct cr_lower_range;

/* Adds [START, END); parts that are there already are joined. When the table is full the range is
 * left out, which means that it is saved as if it were the application's; cr_lower_ranges_lost()
 * counts such cases. */
void cr_lower_ranges_add(uint64_t start, uint64_t end);

/* Takes [START, END) out; what was never there does not matter. */
void cr_lower_ranges_remove(uint64_t start, uint64_t end);

/* 1 if all of [START, END) is in the table. */
int cr_lower_ranges_contain(uint64_t start, uint64_t end);

/* Copies at most MAX ranges, ascending, not overlapping, not adjacent. Returns how many there are.
 * */
size_t cr_lower_ranges_copy(struct cr_lower_range *out, size_t max);

/* How many additions found the table full. */
size_t cr_lower_ranges_lost(void);

#endif
