/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_node_reach.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVERYWHERE "0.0.0.0"
#define TCP "tcp://"

struct list {
    char *text;
    size_t size;
    int count;
    int may_be_peer; /* the peer may be this node */
};

static int contains(const struct list *list, const char *address)
{
    size_t length = strlen(address);

    for (const char *at = list->text; (at = strstr(at, address)) != NULL; at += length) {
        if ((at == list->text || at[-1] == ',') && (at[length] == ',' || at[length] == '\0'))
            return 1;
    }
    return 0;
}

static void add(struct list *list, const char *address)
{
    size_t used = strlen(list->text);

    if (list->count == CR_NODE_REACH_MAX || used + strlen(address) + 2 > list->size ||
        contains(list, address))
        return;
    snprintf(list->text + used, list->size - used, "%s%s", used > 0 ? "," : "", address);
    list->count++;
}

int cr_node_reach_from(const char *peer, char *ret_address, size_t size)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_DGRAM};
    struct sockaddr_storage own;
    socklen_t length = sizeof(own);
    struct addrinfo *found;
    int fd, bad;

    if (getaddrinfo(peer, "9", &hints, &found) != 0)
        return -1;
    /* Nothing is sent: the kernel says by which of its addresses it would be. */
    fd = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bad = fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) < 0 ||
          getsockname(fd, (struct sockaddr *)&own, &length) < 0 ||
          getnameinfo((struct sockaddr *)&own, length, ret_address, (socklen_t)size, NULL, 0,
                      NI_NUMERICHOST) != 0;
    freeaddrinfo(found);
    if (fd >= 0)
        close(fd);
    return bad ? -1 : 0;
}

/* An address that the launcher's node and this one both have, as of a bridge for containers, reaches neither from the other. */
static void add_way_to(struct list *list, const char *peer)
{
    char own[64];

    if (cr_node_reach_from(peer, own, sizeof(own)) < 0 || strncmp(own, "127.", 4) == 0)
        return;
    if (list->may_be_peer || strcmp(own, peer) != 0)
        add(list, own);
}

/* The launcher's addresses in "4711.0;tcp://10.0.0.1,10.1.0.1:40000": those after tcp://, up to the port. */
static void add_ways_to_mpirun(struct list *list, const char *uri)
{
    const char *at = strstr(uri, TCP);
    char peer[64];

    if (at == NULL)
        return;
    at += strlen(TCP);
    while (*at != '\0' && *at != ':' && *at != ';') {
        size_t length = strcspn(at, ",:;");

        if (length < sizeof(peer)) {
            memcpy(peer, at, length);
            peer[length] = '\0';
            add_way_to(list, peer);
        }
        at += length;
        if (*at != ',')
            return;
        at++;
    }
}

static int all_ranks_are_here(void)
{
    const char *here = getenv("OMPI_COMM_WORLD_LOCAL_SIZE");
    const char *all = getenv("OMPI_COMM_WORLD_SIZE");

    return here != NULL && all != NULL && strcmp(here, all) == 0;
}

int cr_node_reach(int launcher_is_here, char *ret_list, size_t size)
{
    struct list list = {ret_list, size, 0, launcher_is_here};
    const char *mpirun = getenv("OMPI_MCA_orte_hnp_uri");
    const char *srun = getenv("SLURM_LAUNCH_NODE_IPADDR");

    ret_list[0] = '\0';
    if ((launcher_is_here && all_ranks_are_here()) || (mpirun == NULL && srun == NULL))
        return 0;
    if (mpirun != NULL) {
        add_ways_to_mpirun(&list, mpirun);
    } else {
        list.may_be_peer = 1; /* srun may run on a node of the job */
        add_way_to(&list, srun);
    }
    if (list.count == 0)
        add(&list, EVERYWHERE);
    return list.count;
}
