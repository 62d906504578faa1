/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_info_group.h"

#include "cr_cli.h"

#include <inttypes.h>
#include <time.h>

static const char *scope_words(int scope)
{
    static const char *const words[] = {"process", "process group", "session", "tree"};

    return scope >= 0 && scope < 4 ? words[scope] : "unknown";
}

static const char *state_words(int state)
{
    static const char *const words[] = {"running", "stopped", "zombie"};

    return state >= 0 && state < 3 ? words[state] : "unknown";
}

/* Text from an image may hold anything: what a terminal would act on is shown as '?'. */
static void print_text(FILE *out, const char *text)
{
    for (; *text != '\0'; text++)
        fputc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, out);
}

static int depth(const struct cr_manifest *m, const quiesce_group_Member *member)
{
    int steps = 0;

    /* A manifest that goes in circles is none, but must not hang us. */
    while (member->parent != 0 && steps < 32) {
        member = cr_manifest_find(m, member->parent);
        if (member == NULL)
            break;
        steps++;
    }
    return steps;
}

static void print_member(FILE *out, const struct cr_manifest *m, const quiesce_group_Member *p)
{
    char size[32] = "-";
    char parent[16] = "-";

    if (p->size > 0)
        cr_cli_bytes(p->size, size, sizeof(size));
    if (p->parent != 0)
        snprintf(parent, sizeof(parent), "%d", p->parent);
    else if (p->child_of_init)
        snprintf(parent, sizeof(parent), "init");
    fprintf(out, "  %-9d%-9s%-9d%-9d%-9s%-12s%*s", p->pid, parent, p->pgid, p->sid,
            state_words(p->state), size, 2 * depth(m, p), "");
    print_text(out, p->comm);
    if (p->state == quiesce_group_MemberState_MEMBER_ZOMBIE)
        fprintf(out, " (status 0x%x)", (unsigned)p->exit_status);
    if (p->state == quiesce_group_MemberState_MEMBER_STOPPED)
        fprintf(out, " (by signal %d)", p->stop_signal);
    fputc('\n', out);
}

static void print_table(FILE *out, const struct cr_info_group *group)
{
    const struct cr_manifest *m = group->manifest;
    time_t seconds = (time_t)(m->group.taken_at_realtime_ns / 1000000000);
    char text[64] = "";
    struct tm utc;

    if (gmtime_r(&seconds, &utc) != NULL)
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &utc);
    fprintf(out, "%s\n  %-18s%s %d, %zu processes\n  %-18s%s\n", group->path, "checkpoint of",
            scope_words(m->group.scope), m->group.target, m->member_count, "taken", text);
    fprintf(out, "  %-18s%" PRIu32 ", written by Quiesce ", "format", m->group.format_version);
    print_text(out, m->group.quiesce_version);
    fprintf(out, "\n  %-18s", "host");
    print_text(out, m->group.hostname);
    fputs(", kernel ", out);
    print_text(out, m->group.kernel_release);
    cr_cli_bytes(m->file_size, text, sizeof(text));
    fprintf(out, "\n  %-18s%s\n", "size", text);
    if (m->open_file_count > 0 || m->shared_count > 0)
        fprintf(out, "  %-18s%zu open files, %zu pieces of memory\n", "shared", m->open_file_count,
                m->shared_count);
    fputs("\n  process  parent   group    session  state    size        command\n", out);
    for (size_t i = 0; i < m->member_count; i++)
        print_member(out, m, &m->members[i]);
}

static void put_member(FILE *out, const quiesce_group_Member *p)
{
    fprintf(out,
            "{\"pid\":%d,\"parent\":%d,\"childOfInit\":%s,\"group\":%d,\"session\":%d,"
            "\"state\":\"%s\",\"exitStatus\":%d,\"stopSignal\":%d,\"bytes\":%" PRIu64
            ",\"command\":",
            p->pid, p->parent, p->child_of_init ? "true" : "false", p->pgid, p->sid,
            state_words(p->state), p->exit_status, p->stop_signal, p->size);
    cr_cli_json(out, p->comm);
    fputs(",\"executable\":", out);
    cr_cli_json(out, p->executable);
    fputc('}', out);
}

static void put_json(FILE *out, const struct cr_info_group *group)
{
    const struct cr_manifest *m = group->manifest;

    fputs("{\"file\":", out);
    cr_cli_json(out, group->path);
    fprintf(out, ",\"bytes\":%" PRIu64 ",\"formatVersion\":%" PRIu32 ",\"quiesceVersion\":",
            m->file_size, m->group.format_version);
    cr_cli_json(out, m->group.quiesce_version);
    fputs(",\"host\":", out);
    cr_cli_json(out, m->group.hostname);
    fputs(",\"kernel\":", out);
    cr_cli_json(out, m->group.kernel_release);
    fprintf(out,
            ",\"takenAtMillis\":%" PRId64 ",\"scope\":\"%s\",\"target\":%d,\"sharedFiles\":%zu,"
            "\"sharedMemory\":%zu,\"verified\":%s,\"processes\":[",
            m->group.taken_at_realtime_ns / 1000000, scope_words(m->group.scope), m->group.target,
            m->open_file_count, m->shared_count, group->options->verify ? "true" : "false");
    for (size_t i = 0; i < m->member_count; i++) {
        if (i > 0)
            fputc(',', out);
        put_member(out, &m->members[i]);
    }
    fputs("],\"images\":[", out);
}

void cr_info_group_begin(FILE *out, const struct cr_info_group *group)
{
    if (group->options->json)
        put_json(out, group);
    else
        print_table(out, group);
}

void cr_info_group_end(FILE *out, const struct cr_info_group *group)
{
    if (group->options->json)
        fputs("]}\n", out);
}
