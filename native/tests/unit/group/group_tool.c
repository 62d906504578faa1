/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: checkpoints a scope, or shows a file of several processes.
 *   group_tool save process|group|session|tree ID FILE [signal=N] [time=MS] [dry] [durable] [omit=PID]
 *              [ptraced=skip|allow] [ptracer=skip]
 *   group_tool show FILE     one line for each record; all images are verified
 * Ends with the low byte of the error's code.
 */
#include "cr_group.h"

#include "cr_arena.h"
#include "cr_image_reader.h"
#include "cr_manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const scopes[] = {"process", "group", "session", "tree"};

static void print_refusal(pid_t pid, const struct cr_error *err, void *unused)
{
    (void)unused;
    printf("refused %d: %s\n", pid, err->text);
}

static void take_option(struct cr_group_options *o, const char *word)
{
    static pid_t omitted;

    if (strncmp(word, "signal=", 7) == 0)
        o->signal = atoi(word + 7);
    if (strncmp(word, "time=", 5) == 0)
        o->timeout_ms = atoi(word + 5);
    if (strncmp(word, "omit=", 5) == 0) {
        omitted = atoi(word + 5);
        o->omit = &omitted;
        o->omit_count = 1;
    }
    if (strcmp(word, "dry") == 0)
        o->dry_run = 1;
    if (strcmp(word, "durable") == 0)
        o->durable = 1;
    if (strcmp(word, "ptraced=skip") == 0)
        o->ptraced = CR_GROUP_TRACE_SKIP;
    if (strcmp(word, "ptraced=allow") == 0)
        o->ptraced = CR_GROUP_TRACE_ALLOW;
    if (strcmp(word, "ptracer=skip") == 0)
        o->ptracer = CR_GROUP_TRACE_SKIP;
}

static int save(int argc, char **argv)
{
    struct cr_group_options o = {
        .cancel_fd = -1, .target = atoi(argv[3]), .file = argv[4], .refused = print_refusal};
    struct cr_group_result r;
    struct cr_error err = {0};
    int rc;

    for (int i = 0; i < 4; i++) {
        if (strcmp(argv[2], scopes[i]) == 0)
            o.scope = (enum cr_group_scope)i;
    }
    for (int i = 5; i < argc; i++)
        take_option(&o, argv[i]);
    rc = cr_group_checkpoint(&o, &r, &err);
    if (rc < 0) {
        printf("error %d: %s\n", err.code, err.text);
        return err.code & 255;
    }
    printf(
        "processes %u zombies %u stopped %u left %u pause %lu stop %lu dump %lu seal %lu data %lu "
        "file %lu\n",
        r.processes, r.zombies, r.stopped, r.left_out, r.pause_micros, r.stop_micros, r.dump_micros,
        r.seal_micros, r.data_bytes, r.file_bytes);
    return 0;
}

static int show_member(struct cr_arena *arena, const struct cr_manifest *m, const char *path,
                       const quiesce_group_Member *member, struct cr_error *err)
{
    struct cr_image_reader reader;
    int rc = 0;

    printf("member %d parent %d pgid %d sid %d state %d status %d init %d comm %s size %lu\n",
           member->pid, member->parent, member->pgid, member->sid, (int)member->state,
           member->exit_status, member->child_of_init, member->comm, member->size);
    if (member->state == quiesce_group_MemberState_MEMBER_ZOMBIE)
        return 0;
    rc = cr_manifest_open_image(arena, m, path, member, &reader, err);
    if (rc < 0)
        return rc;
    rc = cr_image_verify(&reader, err);
    cr_image_close(&reader);
    return rc;
}

static void show_shared(const struct cr_manifest *m)
{
    for (size_t i = 0; i < m->open_file_count; i++) {
        printf("file %u:", m->open_files[i].id);
        for (unsigned k = 0; k < m->open_files[i].holder_count; k++)
            printf(" %d/%d", m->open_files[i].holder[k].pid, m->open_files[i].holder[k].fd);
        printf("\n");
    }
    for (size_t i = 0; i < m->shared_count; i++) {
        printf("shared owner %d:", m->shared[i].owner);
        for (unsigned k = 0; k < m->shared[i].pid_count; k++)
            printf(" %d", m->shared[i].pid[k]);
        printf("\n");
    }
}

static int show(const char *path)
{
    struct cr_arena arena = {0};
    struct cr_manifest m;
    struct cr_error err = {0};
    int rc = cr_arena_create(&arena, 1UL << 30);

    if (rc == 0)
        rc = cr_manifest_open(&arena, path, &m, &err);
    for (size_t i = 0; rc == 0 && i < m.member_count; i++)
        rc = show_member(&arena, &m, path, &m.members[i], &err);
    if (rc < 0) {
        printf("error %d: %s\n", err.code, err.text);
        return err.code & 255;
    }
    show_shared(&m);
    cr_manifest_close(&m);
    return 0;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc >= 5 && strcmp(argv[1], "save") == 0)
        return save(argc, argv);
    if (argc == 3 && strcmp(argv[1], "show") == 0)
        return show(argv[2]);
    return 2;
}
