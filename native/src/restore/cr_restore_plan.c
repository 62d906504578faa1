/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. From the tables of an image to the plan that the restorer follows. */
#include "cr_restore_parts.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEARCH_START 0x100000000UL /* above everything that 32-bit addresses reach */
#define SEARCH_END 0x7ff000000000UL

void cr_restore_fill_plan(const struct cr_restore *r, struct cr_plan *plan)
{
    memset(plan, 0, sizeof(*plan));
    plan->image_fd = r->reader.fd;
    plan->verify = (r->flags & CR_RESTORE_NO_VERIFY) == 0;
    plan->areas = r->areas;
    plan->area_count = r->area_count;
    plan->files = r->files;
    plan->file_count = r->file_count;
    plan->runs = r->reader.runs;
    plan->run_count = r->reader.run_count;
    plan->threads = r->threads;
    plan->thread_count = r->thread_count;
    plan->ids = r->ids;
    plan->id_count = r->id_count;
    plan->chunks = r->reader.digests->chunks;
    plan->data_offset = r->reader.base + r->reader.digests->data_offset;
    plan->data_size = r->reader.digests->data_size;
    plan->chunk_count = (plan->data_size + CR_DIGEST_CHUNK - 1) / CR_DIGEST_CHUNK;
    plan->agent_state = r->header->agent_state;
}

/* The part called NAME in the image, or NULL. */
static const struct cr_plan_area *find_image_part(const struct cr_restore *r, const char *name)
{
    for (size_t i = 0; i < r->area_count; i++)
        if (r->areas[i].kind == quiesce_image_AreaKind_AREA_VDSO &&
            strcmp(r->area_names[i], name) == 0)
            return &r->areas[i];
    return NULL;
}

static int plan_part(const struct cr_restore *r, struct cr_plan *plan, uint64_t start, uint64_t end,
                     const char *name, struct cr_error *err)
{
    const struct cr_plan_area *a = find_image_part(r, name);

    if (a == NULL)
        return 0;
    if (a->end - a->start != end - start || plan->vdso_count == CR_PLAN_VDSO_PARTS)
        return cr_fail(err, CR_EVDSO,
                       "%s has another size than the kernel's in the image; restart where the same "
                       "kernel runs",
                       name);
    plan->vdso[plan->vdso_count++] = (struct cr_plan_vdso){start, a->start, end - start};
    return 0;
}

/* Calls EACH for every line of /proc/self/maps. */
static int each_map(int (*each)(uint64_t start, uint64_t end, const char *name, void *argument),
                    void *argument, struct cr_error *err)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[4400];
    int rc = 0;

    if (maps == NULL)
        return cr_fail(err, errno, "cannot read /proc/self/maps: %s", strerror(errno));
    while (rc == 0 && fgets(line, sizeof(line), maps) != NULL) {
        unsigned long start;
        unsigned long end;
        int name = 0;
        if (sscanf(line, "%lx-%lx %*s %*s %*s %*s %n", &start, &end, &name) < 2)
            continue;
        line[strcspn(line, "\n")] = '\0';
        rc = each(start, end, name > 0 ? line + name : "", argument);
    }
    fclose(maps);
    return rc;
}

struct vdso_search {
    const struct cr_restore *r;
    struct cr_plan *plan;
    struct cr_error *err;
};

static int plan_vdso_line(uint64_t start, uint64_t end, const char *name, void *argument)
{
    struct vdso_search *s = argument;

    if (strcmp(name, "[vdso]") != 0 && strncmp(name, "[vvar", 5) != 0)
        return 0;
    return plan_part(s->r, s->plan, start, end, name, s->err);
}

int cr_restore_plan_vdso(const struct cr_restore *r, struct cr_plan *plan, struct cr_error *err)
{
    struct vdso_search s = {r, plan, err};
    size_t wanted = 0;
    int rc = each_map(plan_vdso_line, &s, err);

    for (size_t i = 0; i < r->area_count; i++)
        wanted += r->areas[i].kind == quiesce_image_AreaKind_AREA_VDSO;
    if (rc == 0 && plan->vdso_count != wanted)
        return cr_fail(err, CR_EVDSO,
                       "the image has %zu parts of a vdso, this kernel %zu of them; restart where "
                       "the same kernel runs",
                       wanted, plan->vdso_count);
    return rc;
}

struct hole_search {
    uint64_t size, at; /* everything below AT is known to be no hole large enough */
    const struct cr_restore *r;
};

/* Raises *AT above every area of the image that [*AT, *AT + SIZE) meets. */
static void pass_image(const struct hole_search *s, uint64_t *at)
{
    for (size_t i = 0; i < s->r->area_count; i++) {
        const struct cr_plan_area *a = &s->r->areas[i];
        if (a->start < *at + s->size && a->end > *at)
            *at = a->end;
    }
}

static int pass_line(uint64_t start, uint64_t end, const char *name, void *argument)
{
    struct hole_search *s = argument;

    (void)name;
    pass_image(s, &s->at);
    if (s->at + s->size <= start)
        return 1;
    if (end > s->at)
        s->at = end;
    return 0;
}

int cr_restore_find_hole(const struct cr_restore *r, size_t size, uint64_t *ret_start,
                         struct cr_error *err)
{
    struct hole_search s = {size, SEARCH_START, r};
    int rc = each_map(pass_line, &s, err);

    if (rc < 0)
        return rc;
    pass_image(&s, &s.at);
    if (s.at + size > SEARCH_END)
        return cr_fail(err, CR_ECOLLISION, "the image leaves no room for the restorer");
    *ret_start = s.at;
    return 0;
}
