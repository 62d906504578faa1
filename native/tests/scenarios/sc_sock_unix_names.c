/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Named Unix sockets: listening ones with connections that wait, accepted connections with data in both directions, clients
 * with names of their own, abstract and automatic names, relative paths, a file that was removed, and one end that is gone.
 */
#include "sc_sock.h"

#define TYPES 2
#define WAITING 3

struct served {
    int listener, client, accepted, named_client, named_accepted, waiting[WAITING], survivor;
    struct sc_names listener_names, client_names, accepted_names, named_client_names,
        named_accepted_names, waiting_names[WAITING], survivor_names;
    struct sockaddr_un address;
    socklen_t size;
};

static struct served by_path[TYPES], by_abstract[TYPES], by_relative;
static int removed, automatic;
static struct sc_names removed_names, automatic_names;

static int make_connected(struct served *s, int type, const struct sockaddr_un *name,
                          socklen_t size)
{
    int fd = socket(AF_UNIX, type, 0);

    CHECK(fd >= 0);
    CHECK(size == 0 || bind(fd, (const struct sockaddr *)name, size) == 0);
    CHECK(connect(fd, (const struct sockaddr *)&s->address, s->size) == 0);
    return fd;
}

static void set_up(struct served *s, int type, const struct sockaddr_un *client, socklen_t size)
{
    int gone;

    s->listener = socket(AF_UNIX, type, 0);
    CHECK(bind(s->listener, (struct sockaddr *)&s->address, s->size) == 0);
    if (s->address.sun_path[0] != '\0')
        CHECK(chmod(s->address.sun_path, 0640) == 0);
    CHECK(listen(s->listener, 7) == 0);
    s->client = make_connected(s, type, NULL, 0);
    s->accepted = accept(s->listener, NULL, NULL);
    sc_send_pattern(s->client, 500, 1);
    sc_send_pattern(s->accepted, 600, 2);
    s->named_client = make_connected(s, type, client, size);
    s->named_accepted = accept(s->listener, NULL, NULL);
    gone = make_connected(s, type, NULL, 0);
    s->survivor = gone;
    gone = accept(s->listener, NULL, NULL);
    sc_send_pattern(gone, 33, 8);
    close(gone);
    for (int i = 0; i < WAITING; i++) {
        s->waiting[i] = make_connected(s, type, NULL, 0);
        s->waiting_names[i] = sc_names_of(s->waiting[i]);
    }
    s->listener_names = sc_names_of(s->listener);
    s->client_names = sc_names_of(s->client);
    s->accepted_names = sc_names_of(s->accepted);
    s->named_client_names = sc_names_of(s->named_client);
    s->named_accepted_names = sc_names_of(s->named_accepted);
    s->survivor_names = sc_names_of(s->survivor);
}

static void check_waiting(struct served *s)
{
    for (int i = 0; i < WAITING; i++) {
        struct sc_names names = s->waiting_names[i];
        int fd;

        sc_check_names(s->waiting[i], &names);
        fd = accept(s->listener, NULL, NULL);
        CHECK(fd >= 0);
        sc_check_both(s->waiting[i], fd);
        close(fd);
    }
    CHECK(fcntl(s->listener, F_SETFL, O_NONBLOCK) == 0);
    CHECK(accept(s->listener, NULL, NULL) < 0 && errno == EAGAIN);
}

static void check(struct served *s, int type)
{
    struct stat st;
    int fd;

    if (s->address.sun_path[0] != '\0')
        CHECK(stat(s->address.sun_path, &st) == 0 && S_ISSOCK(st.st_mode) &&
              (st.st_mode & 0777) == 0640);
    sc_check_names(s->listener, &s->listener_names);
    sc_check_names(s->client, &s->client_names);
    sc_check_names(s->accepted, &s->accepted_names);
    sc_check_names(s->named_client, &s->named_client_names);
    sc_check_names(s->named_accepted, &s->named_accepted_names);
    sc_check_names(s->survivor, &s->survivor_names);
    CHECK(sc_option(s->listener, SOL_SOCKET, SO_ACCEPTCONN) == 1);
    sc_expect_pattern(s->accepted, 500, 1);
    sc_expect_pattern(s->client, 600, 2);
    sc_check_both(s->client, s->accepted);
    sc_check_both(s->named_client, s->named_accepted);
    sc_expect_pattern(s->survivor, 33, 8);
    sc_expect_end(s->survivor);
    check_waiting(s);
    fd = make_connected(s, type, NULL, 0);
    CHECK(accept(s->listener, NULL, NULL) >= 0);
    close(fd);
}

static void set_up_type(int i, int type)
{
    struct sockaddr_un client;
    socklen_t size;

    by_path[i].size = sc_path(&by_path[i].address, i == 0 ? "stream" : "packets");
    size = sc_path(&client, i == 0 ? "stream-client" : "packets-client");
    set_up(&by_path[i], type, &client, size);
    by_abstract[i].size = sc_abstract(&by_abstract[i].address, i == 0 ? "stream" : "packets");
    size = sc_abstract(&client, i == 0 ? "stream-client" : "packets-client");
    set_up(&by_abstract[i], type, &client, size);
}

static void set_up_others(void)
{
    struct sockaddr_un name;
    socklen_t size;

    CHECK(chdir(sc_directory) == 0);
    by_relative.address.sun_family = AF_UNIX;
    strcpy(by_relative.address.sun_path, "relative");
    by_relative.size = offsetof(struct sockaddr_un, sun_path) + sizeof("relative");
    memset(&name, 0, sizeof(name));
    name.sun_family = AF_UNIX;
    strcpy(name.sun_path, "relative-client");
    set_up(&by_relative, SOCK_STREAM, &name,
           offsetof(struct sockaddr_un, sun_path) + sizeof("relative-client"));
    removed = socket(AF_UNIX, SOCK_STREAM, 0);
    size = sc_path(&name, "removed");
    CHECK(bind(removed, (struct sockaddr *)&name, size) == 0 && unlink(name.sun_path) == 0);
    removed_names = sc_names_of(removed);
    automatic = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(bind(automatic, (struct sockaddr *)&name, sizeof(name.sun_family)) == 0);
    automatic_names = sc_names_of(automatic);
}

int main(int argc, char **argv)
{
    struct sockaddr_un name;
    struct stat st;

    sc_init(argc, argv, "named Unix sockets, listening and connected");
    set_up_type(0, SOCK_STREAM);
    set_up_type(1, SOCK_SEQPACKET);
    set_up_others();
    sc_ready();
    sc_wait();
    for (int i = 0; i < TYPES; i++) {
        check(&by_path[i], i == 0 ? SOCK_STREAM : SOCK_SEQPACKET);
        check(&by_abstract[i], i == 0 ? SOCK_STREAM : SOCK_SEQPACKET);
    }
    check(&by_relative, SOCK_STREAM);
    sc_check_names(removed, &removed_names);
    sc_path(&name, "removed");
    CHECK(stat(name.sun_path, &st) < 0 && errno == ENOENT);
    sc_check_names(automatic, &automatic_names);
    sc_pass();
}
