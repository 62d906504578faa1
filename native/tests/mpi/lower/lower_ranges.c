/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The table of lower ranges against a bitmap of the same pages. */
#include "cr_lower.h"
#include "cr_lower_ranges.h"
#include "tap.h"

#define PAGES 512
#define BASE 0x10000000UL
#define PAGE 4096UL
#define STEPS 20000

static unsigned char model[PAGES];
static struct cr_lower_range ranges[PAGES];

/* The table says the same as the model, in the shortest form. */
static int equal_to_model(void)
{
    size_t i, count = cr_lower_ranges_copy(ranges, PAGES), at = 0;
    unsigned page = 0;

    while (page < PAGES) {
        unsigned first;
        if (!model[page]) {
            page++;
            continue;
        }
        for (first = page; page < PAGES && model[page]; page++)
            ;
        if (at == count || ranges[at].start != BASE + first * PAGE ||
            ranges[at].end != BASE + page * PAGE)
            return 0;
        at++;
    }
    for (i = 1; i < count; i++) {
        if (ranges[i - 1].end >= ranges[i].start)
            return 0;
    }
    return at == count;
}

static void step(void)
{
    unsigned first = (unsigned)rand() % PAGES, size = 1 + (unsigned)rand() % 24;
    uint64_t start = BASE + first * PAGE;
    int add = rand() % 2;

    if (first + size > PAGES)
        size = PAGES - first;
    memset(model + first, add, size);
    if (add)
        cr_lower_ranges_add(start, start + size * PAGE);
    else
        cr_lower_ranges_remove(start, start + size * PAGE);
}

int main(void)
{
    int i, good = 1;

    srand(7);
    for (i = 0; i < STEPS && good; i++) {
        step();
        good = equal_to_model();
    }
    tap_ok(good, "additions and removals in any order keep the table as it should be");
    cr_lower_ranges_remove(0, UINT64_MAX);
    tap_equal_u64(cr_lower_ranges_copy(ranges, PAGES), 0, "everything can be taken out");
    cr_lower_ranges_add(BASE, BASE);
    tap_equal_u64(cr_lower_ranges_copy(ranges, PAGES), 0, "an empty range is none");
    cr_lower_ranges_add(BASE, BASE + 4 * PAGE);
    tap_ok(cr_lower_ranges_contain(BASE + PAGE, BASE + 4 * PAGE), "a part is contained");
    tap_ok(!cr_lower_ranges_contain(BASE + PAGE, BASE + 5 * PAGE), "what is beyond is not");
    for (i = 0; i < 20000; i++)
        cr_lower_ranges_add(BASE + 2 * (unsigned long)i * PAGE,
                            BASE + (2 * (unsigned long)i + 1) * PAGE);
    tap_ok(cr_lower_ranges_lost() > 0, "a full table leaves ranges out, which are then saved");
    cr_lower_ranges_remove(BASE + PAGE / 2, BASE + PAGE);
    tap_ok(!cr_lower_ranges_contain(BASE + PAGE / 2, BASE + PAGE),
           "a full table still gives up what was freed");
    return tap_done();
}
