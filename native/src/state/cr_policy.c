/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen; the setters run in the application's threads. A thread may be stopped in the middle of a change: a
 * change is made in a copy, which takes the place of the table with one store.
 */
#include "cr_policy.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>
#include <string.h>

#define RANGES_MAX 512
#define RULES_MAX 32
#define PATHS_MAX 32
#define DESCRIPTORS_MAX 64

struct descriptor_policy {
    int fd;
    uint32_t policy;
};

struct table {
    size_t range_count, rule_count, path_count, descriptor_count;
    struct cr_policy_range ranges[RANGES_MAX];
    struct cr_policy_rule rules[RULES_MAX];
    struct cr_policy_path paths[PATHS_MAX];
    struct descriptor_policy descriptors[DESCRIPTORS_MAX];
};

/* What the program has said, twice. */
static struct table tables[2];
static struct table *volatile current = &tables[0];
static volatile uint32_t locked;

/* Of the checkpoint in progress. */
static struct {
    uint32_t save, files;
    int keep_dontdump, group;
    size_t rule_count, path_count;
    struct cr_policy_rule rules[RULES_MAX];
    struct cr_policy_path paths[PATHS_MAX];
} request;

/* The copy that is to be changed. Threads take turns. */
static struct table *begin_change(void)
{
    const struct timespec step = {0, 1000000};
    struct table *copy;

    while (__atomic_exchange_n(&locked, 1, __ATOMIC_ACQUIRE) != 0)
        cr_sys_futex_wait(&locked, 1, &step);
    copy = current == &tables[0] ? &tables[1] : &tables[0];
    *copy = *current;
    return copy;
}

static int end_change(struct table *copy, int rc)
{
    if (rc == 0)
        __atomic_store_n(&current, copy, __ATOMIC_RELEASE);
    __atomic_store_n(&locked, 0, __ATOMIC_RELEASE);
    cr_sys_futex_wake(&locked, 1);
    return rc;
}

static int insert_range(struct table *t, size_t at, struct cr_policy_range range)
{
    if (t->range_count == RANGES_MAX)
        return -ENOSPC;
    for (size_t i = t->range_count++; i > at; i--)
        t->ranges[i] = t->ranges[i - 1];
    t->ranges[at] = range;
    return 0;
}

static void remove_range(struct table *t, size_t at)
{
    t->range_count--;
    for (size_t i = at; i < t->range_count; i++)
        t->ranges[i] = t->ranges[i + 1];
}

/* Takes [start, end) out of all ranges. */
static int clear(struct table *t, uint64_t start, uint64_t end)
{
    for (size_t i = 0; i < t->range_count;) {
        struct cr_policy_range *r = &t->ranges[i];
        struct cr_policy_range rest = *r;

        if (r->end <= start || r->start >= end) {
            i++;
        } else if (r->start >= start && r->end <= end) {
            remove_range(t, i);
        } else if (r->start < start && r->end > end) {
            r->end = start;
            rest.start = end;
            return insert_range(t, i + 1, rest);
        } else if (r->start < start) {
            r->end = start;
            i++;
        } else {
            r->start = end;
            i++;
        }
    }
    return 0;
}

int cr_policy_forget_range(uint64_t start, uint64_t end)
{
    struct table *t = begin_change();

    return end_change(t, clear(t, start, end));
}

int cr_policy_set_range(uint64_t start, uint64_t end, uint32_t policy)
{
    struct table *t = begin_change();
    size_t at = 0;
    int rc = clear(t, start, end);

    while (at < t->range_count && t->ranges[at].start < start)
        at++;
    if (rc == 0)
        rc = insert_range(t, at, (struct cr_policy_range){start, end, policy, 0});
    return end_change(t, rc);
}

int cr_policy_add_rule(const struct cr_policy_rule *rule)
{
    struct table *t = begin_change();

    if (t->rule_count == RULES_MAX)
        return end_change(t, -ENOSPC);
    t->rules[t->rule_count++] = *rule;
    return end_change(t, 0);
}

int cr_policy_add_path(const struct cr_policy_path *path)
{
    struct table *t = begin_change();

    if (t->path_count == PATHS_MAX)
        return end_change(t, -ENOSPC);
    t->paths[t->path_count++] = *path;
    return end_change(t, 0);
}

int cr_policy_set_descriptor(int fd, uint32_t policy)
{
    struct table *t = begin_change();
    size_t i = 0;

    while (i < t->descriptor_count && t->descriptors[i].fd != fd)
        i++;
    if (i == DESCRIPTORS_MAX)
        return end_change(t, -ENOSPC);
    if (i == t->descriptor_count)
        t->descriptor_count++;
    t->descriptors[i] = (struct descriptor_policy){fd, policy};
    return end_change(t, 0);
}

/* The end of the line at TEXT. */
static size_t line_length(const char *text)
{
    size_t n = 0;

    while (text[n] != '\0' && text[n] != '\n')
        n++;
    return n;
}

static int add_request_rules(const char *text, struct cr_error *err)
{
    int rc = 0;

    while (rc == 0 && text != NULL && *text != '\0') {
        size_t length = line_length(text);

        if (request.rule_count == RULES_MAX)
            return cr_fail(err, CR_EUSAGE, "more than %d rules for memory", RULES_MAX);
        rc = cr_policy_parse_rule(text, length, &request.rules[request.rule_count], err);
        request.rule_count++;
        text += length + (text[length] == '\n');
    }
    return rc;
}

static int add_request_paths(const char *text, struct cr_error *err)
{
    int rc = 0;

    while (rc == 0 && text != NULL && *text != '\0') {
        size_t length = line_length(text);

        if (request.path_count == PATHS_MAX)
            return cr_fail(err, CR_EUSAGE, "more than %d rules for files", PATHS_MAX);
        rc = cr_policy_parse_path(text, length, &request.paths[request.path_count], err);
        request.path_count++;
        text += length + (text[length] == '\n');
    }
    return rc;
}

void cr_policy_end(void)
{
    memset(&request, 0, sizeof(request));
}

int cr_policy_begin(const struct cr_policy_request *from, struct cr_error *err)
{
    int rc;

    cr_policy_end();
    request.save = from->save;
    request.files = from->files;
    request.keep_dontdump = from->keep_dontdump;
    request.group = from->group;
    rc = add_request_rules(from->rules, err);
    if (rc == 0)
        rc = add_request_paths(from->paths, err);
    if (rc < 0)
        cr_policy_end();
    return rc;
}

size_t cr_policy_ranges(const struct cr_policy_range **ret_ranges)
{
    *ret_ranges = current->ranges;
    return current->range_count;
}

static int rule_fits(const struct cr_policy_rule *rule, uint64_t start, uint64_t end,
                     const char *name)
{
    if (rule->end != 0)
        return rule->start <= start && end <= rule->end;
    if (rule->larger_than != 0)
        return end - start > rule->larger_than;
    return cr_policy_matches(rule->name, name);
}

static int find_rule(const struct cr_policy_rule *rules, size_t count, uint64_t start, uint64_t end,
                     const char *name)
{
    /* A later rule takes back what an earlier one says. */
    for (size_t i = count; i > 0; i--) {
        if (rule_fits(&rules[i - 1], start, end, name))
            return (int)rules[i - 1].policy;
    }
    return -1;
}

int cr_policy_of_mapping(uint64_t start, uint64_t end, const char *name,
                         enum cr_policy_reason *ret_reason)
{
    int policy = find_rule(request.rules, request.rule_count, start, end, name);

    *ret_reason = CR_LEFT_REQUEST;
    if (policy >= 0)
        return policy;
    *ret_reason = CR_LEFT_PROGRAM;
    return find_rule(current->rules, current->rule_count, start, end, name);
}

static int find_path(const struct cr_policy_path *paths, size_t count, const char *path)
{
    for (size_t i = count; i > 0; i--) {
        if (cr_policy_matches(paths[i - 1].pattern, path))
            return (int)paths[i - 1].policy;
    }
    return -1;
}

uint32_t cr_policy_of_file(const char *path, int fd)
{
    int policy = find_path(request.paths, request.path_count, path);

    for (size_t i = 0; policy < 0 && fd >= 0 && i < current->descriptor_count; i++) {
        if (current->descriptors[i].fd == fd)
            policy = (int)current->descriptors[i].policy;
    }
    if (policy < 0)
        policy = find_path(current->paths, current->path_count, path);
    return policy >= 0 ? (uint32_t)policy : request.files;
}

uint32_t cr_policy_save(void)
{
    return request.save;
}

int cr_policy_keeps_dontdump(void)
{
    return request.keep_dontdump;
}

int cr_policy_is_group(void)
{
    return request.group;
}
