/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Areas and the pages with contents, as the scan sees them in this very process. */
#include "state_support.h"

#include "cr_state_memory.h"

#include <sys/mman.h>

int main(void)
{
    struct fixture f;
    struct cr_memory memory;
    int rc;

    fixture_begin(&f);
    rc = fixture_say(&f, cr_memory_collect(&f.state, &memory, &f.err));
    tap_ok(rc == 0, "areas are collected");
    for (size_t i = 0; rc == 0 && i < memory.area_count; i++)
        printf("# %lx-%lx kind %u prot %u vm %x file %u %s\n", memory.areas[i].start,
               memory.areas[i].end, memory.areas[i].kind, memory.areas[i].protection,
               memory.areas[i].vm_flags, memory.areas[i].file, memory.areas[i].name);
    rc = fixture_say(&f, cr_memory_scan(&f.state, &memory, &f.err));
    tap_ok(rc == 0, "contents are found");
    for (size_t i = 0; rc == 0 && i < memory.run_count; i++)
        printf("# run %lx %lu source %u\n", memory.runs[i].start, memory.runs[i].size,
               memory.runs[i].source);
    rc = fixture_say(&f, cr_state_collect(&f.state, &f.err));
    tap_ok(rc == 0, "state is collected");
    return tap_done();
}
