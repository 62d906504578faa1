/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. Names of Unix sockets when they are made again. */
#include "cr_fd_unix.h"

#include "cr_sys.h"

#include <errno.h>

/* A relative path must be given as it was, for it is seen in the address. Returns where to go back to, -1: nowhere. */
static int enter_directory(const quiesce_image_Socket *s, const void *name, size_t size)
{
    int back;

    if (!cr_unix_is_path(name, size) || s->directory[0] == '\0' ||
        ((const struct sockaddr_un *)name)->sun_path[0] == '/')
        return -1;
    back = cr_sys_open(".", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    cr_sys(SYS_chdir, s->directory);
    return back;
}

static void leave_directory(int back)
{
    if (back < 0)
        return;
    cr_sys(SYS_fchdir, back);
    cr_sys_close(back);
}

/* Of another type than the name's owner, so that he does not notice. */
static int is_left_behind(const quiesce_image_Socket *s, const void *name, size_t size)
{
    int type = s->type == SOCK_DGRAM ? SOCK_STREAM : SOCK_DGRAM;
    int fd = (int)cr_sys(SYS_socket, AF_UNIX, type | SOCK_CLOEXEC, 0);
    long rc = fd >= 0 ? cr_sys(SYS_connect, fd, name, size) : fd;

    if (fd >= 0)
        cr_sys_close(fd);
    return rc == -ECONNREFUSED;
}

static long bind_there(int fd, const quiesce_image_Socket *s, const void *name, size_t size)
{
    char path[CR_UNIX_PATH_SIZE];
    long rc = cr_sys(SYS_bind, fd, name, size);
    struct stat st;

    if (rc != -EADDRINUSE || !cr_unix_is_path(name, size))
        return rc;
    cr_unix_path(name, size, path);
    if (cr_sys_stat(path, &st) < 0 || !S_ISSOCK(st.st_mode) || !is_left_behind(s, name, size))
        return rc;
    cr_sys(SYS_unlinkat, AT_FDCWD, path, 0);
    return cr_sys(SYS_bind, fd, name, size);
}

int cr_unix_bind(int fd, const quiesce_image_Socket *s, const void *name, size_t size,
                 struct cr_error *err)
{
    int back = enter_directory(s, name, size);
    long rc = bind_there(fd, s, name, size);
    char text[128];

    leave_directory(back);
    if (rc >= 0)
        return 0;
    cr_socket_address_text(name, size, text, sizeof(text));
    return cr_fail(err, (int)-rc,
                   "cannot give the Unix socket that was descriptor %d its name %s again: %s; see "
                   "who uses the name (ss -xp), end it or remove the file, and restart",
                   s->fd, text, cr_error_words((int)-rc));
}

long cr_unix_connect(int fd, const quiesce_image_Socket *s, const void *name, size_t size)
{
    int back = enter_directory(s, name, size);
    long rc = cr_sys(SYS_connect, fd, name, size);

    leave_directory(back);
    return rc;
}

long cr_unix_send(int fd, const quiesce_image_Socket *s, const struct msghdr *message)
{
    int back = enter_directory(s, message->msg_name, message->msg_namelen);
    long rc = cr_sys(SYS_sendmsg, fd, message, MSG_DONTWAIT | MSG_NOSIGNAL);

    leave_directory(back);
    return rc;
}

void cr_unix_unlink(const quiesce_image_Socket *s, const void *name, size_t size)
{
    char path[CR_UNIX_PATH_SIZE];
    int back;

    if (!cr_unix_is_path(name, size))
        return;
    back = enter_directory(s, name, size);
    cr_unix_path(name, size, path);
    cr_sys(SYS_unlinkat, AT_FDCWD, path, 0);
    leave_directory(back);
}

int cr_unix_file_put_back(const quiesce_image_Socket *s, struct cr_error *err)
{
    char path[CR_UNIX_PATH_SIZE];
    struct stat st;
    long rc;
    int back;

    if (!cr_unix_is_path(s->name.bytes, s->name.size))
        return 0;
    if (!s->has_file) {
        cr_unix_unlink(s, s->name.bytes, s->name.size);
        return 0;
    }
    back = enter_directory(s, s->name.bytes, s->name.size);
    cr_unix_path(s->name.bytes, s->name.size, path);
    rc = cr_sys_stat(path, &st);
    if (rc >= 0 && (st.st_uid != s->file_uid || st.st_gid != s->file_gid))
        rc = cr_sys(SYS_fchownat, AT_FDCWD, path, s->file_uid, s->file_gid, 0);
    if (rc >= 0)
        rc = cr_sys(SYS_fchmodat, AT_FDCWD, path, s->file_mode, 0);
    leave_directory(back);
    return rc >= 0 ? 0
                   : cr_fail(err, (int)-rc,
                             "cannot give the socket %s its owner and mode again: %s; restart as a "
                             "user who may",
                             path, cr_error_words((int)-rc));
}
