/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of state share: a state with an arena, and the notes that a collect function left in it. */
#ifndef STATE_SUPPORT_H
#define STATE_SUPPORT_H

#include "cr_state.h"
#include "cr_state_kinds.h"
#include "tap.h"

#include "image.pb.h"

#include <ftw.h>
#include <stdio.h>

struct fixture {
    struct cr_arena arena;
    struct cr_foreign foreign;
    struct cr_state state;
    struct cr_error err;
};

static inline void fixture_begin(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    if (cr_arena_create(&f->arena, 256UL << 20) != 0) {
        printf("Bail out! no memory for an arena\n");
        exit(1);
    }
    f->state = (struct cr_state){.arena = &f->arena, .foreign = &f->foreign};
}

static inline void fixture_end(struct fixture *f)
{
    cr_arena_destroy(&f->arena);
}

/* The NUMBERth note of TYPE (from 0), or NULL. */
static inline const struct cr_note *fixture_note(const struct fixture *f, uint32_t type, int number)
{
    for (const struct cr_note *n = f->state.first; n != NULL; n = n->next) {
        if (n->type == type && number-- == 0)
            return n;
    }
    return NULL;
}

/* Shows the error of a call that failed, so that the log of a test says why. */
static inline int fixture_say(const struct fixture *f, int rc)
{
    if (rc < 0)
        printf("# %d: %s\n", rc, f->err.text);
    return rc;
}

static inline int fixture_remove_entry(const char *path, const struct stat *st, int type,
                                       struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    return remove(path);
}

/* Removes a folder of the test and what is in it. */
static inline void fixture_remove(const char *path)
{
    nftw(path, fixture_remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
