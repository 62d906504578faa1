/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. What any open file description may have beside its kind: a process that gets signals about it, O_ASYNC,
 * a lease, hints on how long its data live. Put back last, so that what the restart itself does raises no signal.
 */
#include "cr_fd_owner.h"

#include "cr_fd_common.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>

#ifndef F_GET_RW_HINT
#define F_GET_RW_HINT 1035
#define F_SET_RW_HINT 1036
#endif

struct owner {
    int type; /* F_OWNER_* */
    int pid;
};

static int known_id(const struct cr_state *state, int pid)
{
    return state->known_tid != NULL ? state->known_tid(pid) : pid;
}

static int kernel_id(const struct cr_state *state, int pid)
{
    return state->kernel_tid != NULL ? state->kernel_tid(pid) : pid;
}

/* A lease that is being broken ends soon, and not as fcntl(F_SETLEASE) would set it. */
static int is_breaking(struct cr_fd_collect *c, int fd)
{
    const char *at;
    char *text;

    if (cr_fdinfo_read(c->scratch, fd, &text, NULL) < 0)
        return 1;
    for (at = text; *at != '\0'; at++) {
        if (cr_str_starts(at, "BREAKING"))
            return 1;
    }
    return 0;
}

static void read_owner(const struct cr_fd_collect *c, const struct cr_open_file *file,
                       quiesce_image_FileOwner *o)
{
    struct owner owner = {0, 0};
    uint64_t hint = 0;
    long lease;

    if (cr_sys(SYS_fcntl, file->fd, F_GETOWN_EX, &owner) == 0 && owner.pid != 0) {
        o->type = (uint32_t)owner.type;
        o->pid = known_id(c->state, owner.pid);
        o->has_owner = true;
    }
    o->signal = (int32_t)cr_sys(SYS_fcntl, file->fd, F_GETSIG, 0);
    if (o->signal < 0)
        o->signal = 0;
    if (!S_ISREG(file->st.st_mode))
        return;
    lease = cr_sys(SYS_fcntl, file->fd, F_GETLEASE, 0);
    o->lease = lease == F_RDLCK || lease == F_WRLCK;
    o->write_lease = lease == F_WRLCK;
    if (cr_sys(SYS_fcntl, file->fd, F_GET_RW_HINT, &hint) == 0)
        o->life_hint = (uint32_t)hint;
}

int cr_owner_collect(struct cr_fd_collect *c, const struct cr_open_file *file,
                     const quiesce_image_Descriptor *d, struct cr_error *err)
{
    quiesce_image_FileOwner o = {.fd = file->fd, .async = (d->status_flags & O_ASYNC) != 0};

    if ((d->status_flags & O_PATH) != 0)
        return 0;
    read_owner(c, file, &o);
    if (S_ISDIR(file->st.st_mode) && o.has_owner)
        cr_refuse(c->refusals,
                  "descriptor %d is a directory (%s) that is watched with F_NOTIFY; use inotify",
                  file->fd, d->path);
    if (o.lease && is_breaking(c, file->fd))
        cr_refuse(c->refusals,
                  "descriptor %d (%s) has a lease that another program is breaking; try again when "
                  "it is given up",
                  file->fd, d->path);
    if (!o.has_owner && o.signal == 0 && !o.async && !o.lease && o.life_hint == 0)
        return 0;
    return cr_state_add(c->state, quiesce_image_NoteType_NOTE_FILE_OWNER,
                        quiesce_image_FileOwner_fields, &o, err);
}

static int put_back_owner(const struct cr_state *state, const quiesce_image_FileOwner *o)
{
    struct owner owner = {(int)o->type, kernel_id(state, o->pid)};
    int rc = 0;

    if (o->has_owner)
        rc = (int)cr_sys(SYS_fcntl, o->fd, F_SETOWN_EX, &owner);
    if (rc >= 0 && o->signal != 0)
        rc = (int)cr_sys(SYS_fcntl, o->fd, F_SETSIG, o->signal);
    if (rc >= 0 && o->async) {
        rc = (int)cr_sys(SYS_fcntl, o->fd, F_GETFL, 0);
        if (rc >= 0)
            rc = (int)cr_sys(SYS_fcntl, o->fd, F_SETFL, rc | O_ASYNC);
    }
    return rc < 0 ? rc : 0;
}

static int put_back_one(const struct cr_state *state, const quiesce_image_FileOwner *o,
                        struct cr_error *err)
{
    uint64_t hint = o->life_hint;
    int rc;

    /* fcntl(F_SETLEASE) makes the caller the owner, so it comes first. */
    if (o->lease) {
        rc = (int)cr_sys(SYS_fcntl, o->fd, F_SETLEASE, o->write_lease ? F_WRLCK : F_RDLCK);
        if (rc < 0)
            return cr_fail(err, -rc,
                           "cannot take the lease of descriptor %d again: %s; end the process that "
                           "has its file open",
                           o->fd, cr_error_words(-rc));
    }
    if (hint != 0)
        cr_sys(SYS_fcntl, o->fd, F_SET_RW_HINT, &hint);
    rc = put_back_owner(state, o);
    return rc < 0 ? cr_fail(err, -rc,
                            "cannot make process or group %d the owner of descriptor %d again "
                            "(F_SETOWN): %s",
                            o->pid, o->fd, cr_error_words(-rc))
                  : 0;
}

int cr_owner_put_back(struct cr_state *state, struct cr_error *err)
{
    quiesce_image_FileOwner o = quiesce_image_FileOwner_init_zero;
    int rc = 0;

    for (const struct cr_note *note = state->first; rc == 0 && note != NULL; note = note->next) {
        if (note->type != quiesce_image_NoteType_NOTE_FILE_OWNER)
            continue;
        rc = cr_state_decode(note, quiesce_image_FileOwner_fields, &o, err);
        if (rc == 0)
            rc = put_back_one(state, &o, err);
    }
    return rc;
}
