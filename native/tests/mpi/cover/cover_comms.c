/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Communicators, groups, topologies and what is asked of them. */
#include "cover.h"

enum { COMMS = 16 };

static MPI_Comm comms[PASSES][COMMS];
static MPI_Group groups[PASSES][8], far_group[PASSES];
static MPI_Info infos[PASSES][COMMS][2];
static MPI_Comm later[PASSES];
static MPI_Request request[PASSES];
static int made;

static void keep(int p, MPI_Comm comm)
{
    comms[p][made++] = comm;
}

static void make_plain(int p)
{
    MPI_Comm c, half, inter;
    MPI_Request r;
    MPI_Info info;

    MPI_Comm_dup(MPI_COMM_WORLD, &c);
    keep(p, c);
    MPI_Info_create(&info);
    MPI_Info_set(info, "colour", "green");
    MPI_Comm_dup_with_info(MPI_COMM_WORLD, info, &c);
    MPI_Info_free(&info);
    keep(p, c);
    MPI_Comm_idup(MPI_COMM_WORLD, &c, &r);
    MPI_Wait(&r, MPI_STATUS_IGNORE);
    keep(p, c);
    MPI_Comm_split(MPI_COMM_WORLD, rank > 1, -rank, &half);
    keep(p, half);
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &c);
    keep(p, c);
    MPI_Comm_create(MPI_COMM_WORLD, groups[p][1], &c);
    keep(p, c);
    c = MPI_COMM_NULL;
    if (rank != 1)
        MPI_Comm_create_group(MPI_COMM_WORLD, groups[p][3], 7, &c);
    keep(p, c);
    MPI_Intercomm_create(half, 0, MPI_COMM_WORLD, rank > 1 ? 1 : size - 1, 8, &inter);
    keep(p, inter);
    MPI_Intercomm_merge(inter, rank > 1, &c);
    keep(p, c);
}

static void make_topologies(int p)
{
    int next = (rank + 1) % size, previous = (rank + size - 1) % size, one = 1, index[8], edges[16];
    MPI_Comm c, cart;

    MPI_Cart_create(MPI_COMM_WORLD, 2, (int[]){size, 1}, (int[]){1, 0}, 0, &cart);
    keep(p, cart);
    MPI_Cart_sub(cart, (int[]){1, 0}, &c);
    keep(p, c);
    for (int i = 0; i < size; i++) {
        index[i] = 2 * i + 2;
        edges[2 * i] = (i + 1) % size;
        edges[2 * i + 1] = (i + size - 1) % size;
    }
    MPI_Graph_create(MPI_COMM_WORLD, size, index, edges, 0, &c);
    keep(p, c);
    MPI_Dist_graph_create_adjacent(MPI_COMM_WORLD, 1, &previous, &one, 1, &next, &one,
                                   MPI_INFO_NULL, 0, &c);
    keep(p, c);
    MPI_Dist_graph_create(MPI_COMM_WORLD, 1, &rank, &one, &next, &one, MPI_INFO_NULL, 0, &c);
    keep(p, c);
    MPI_Graph_map(MPI_COMM_WORLD, size, index, edges, &one);
    MPI_Cart_map(MPI_COMM_WORLD, 1, &size, (int[]){1}, &next);
    line("mapped %d %d", one, next);
}

static void make_groups(int p)
{
    MPI_Group *g = groups[p], gone;
    int n, r, same, out[2];

    MPI_Comm_group(MPI_COMM_WORLD, &g[0]);
    MPI_Group_incl(g[0], 2, (int[]){1, 0}, &g[1]);
    MPI_Group_excl(g[0], 1, (int[]){0}, &g[2]);
    MPI_Group_range_excl(g[0], 1, (int[1][3]){{1, 1, 1}}, &g[3]);
    MPI_Group_range_incl(g[0], 1, (int[1][3]){{0, size - 1, 2}}, &g[4]);
    MPI_Group_union(g[1], g[2], &g[5]);
    MPI_Group_intersection(g[2], g[0], &g[6]);
    MPI_Group_difference(g[0], g[1], &g[7]);
    for (int q = 0; q <= p; q++)
        for (int i = 0; i < 8; i++) {
            MPI_Group_size(groups[q][i], &n);
            MPI_Group_rank(groups[q][i], &r);
            MPI_Group_compare(groups[q][i], groups[0][0], &same);
            MPI_Group_translate_ranks(groups[q][0], 2, (int[]){0, 1}, groups[q][i], out);
            line("group %d: %d of %d, %d, %d %d, %d", i, r, n, same, out[0], out[1],
                 MPI_Group_f2c(MPI_Group_c2f(groups[q][i])) == groups[q][i]);
        }
    MPI_Group_incl(g[0], 1, (int[]){0}, &gone);
    MPI_Group_free(&gone);
}

static void use(int p, MPI_Comm c, int i)
{
    int n, r, inter, topology, same, sum = 0, far = 0;
    char name[MPI_MAX_OBJECT_NAME], text[20];

    if (c == MPI_COMM_NULL)
        return;
    MPI_Comm_size(c, &n);
    MPI_Comm_rank(c, &r);
    MPI_Comm_test_inter(c, &inter);
    MPI_Comm_compare(c, c, &same);
    if (inter) {
        MPI_Comm_remote_size(c, &far);
        if (far_group[p] != MPI_GROUP_NULL)
            MPI_Group_free(&far_group[p]);
        MPI_Comm_remote_group(c, &far_group[p]);
        MPI_Group_size(far_group[p], &topology);
        line("far %d %d", far, topology);
    }
    MPI_Topo_test(c, &topology);
    MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, c);
    snprintf(text, sizeof(text), "name %d", i);
    MPI_Comm_set_name(c, text);
    MPI_Comm_get_name(c, name, &same);
    for (int k = 0; k < 2; k++)
        if (infos[p][i][k] != MPI_INFO_NULL)
            MPI_Info_free(&infos[p][i][k]);
    MPI_Info_create(&infos[p][i][0]);
    MPI_Info_set(infos[p][i][0], "shape", "round");
    MPI_Comm_set_info(c, infos[p][i][0]);
    MPI_Comm_get_info(c, &infos[p][i][1]);
    MPI_Info_get_nkeys(infos[p][i][1], &same);
    line("%s: %d of %d, sum %d, inter %d, topology %d, %d", name, r, n, sum, inter, topology,
         MPI_Comm_f2c(MPI_Comm_c2f(c)) == c);
}

static void use_topologies(MPI_Comm *t)
{
    int dims[2], periods[2], at[2], a, b, c, list[16], index[8], weights[2], out[2];

    MPI_Cartdim_get(t[0], &a);
    MPI_Cart_get(t[0], 2, dims, periods, at);
    MPI_Cart_rank(t[0], at, &b);
    MPI_Cart_coords(t[0], b, 2, at);
    line("cart %d: %d %d, %d %d, %d", a, dims[0], periods[0], at[0], at[1], b);
    MPI_Cart_shift(t[0], 0, 1, &a, &b);
    line("shift %d %d", a, b);
    MPI_Graphdims_get(t[2], &a, &b);
    MPI_Graph_get(t[2], a, b, index, list);
    MPI_Graph_neighbors_count(t[2], rank, &c);
    show("graph", list, b);
    MPI_Graph_neighbors(t[2], rank, c, list);
    show("neighbours", list, c);
    for (int i = 3; i < 5; i++) {
        MPI_Dist_graph_neighbors_count(t[i], &a, &b, &c);
        MPI_Dist_graph_neighbors(t[i], a, list, weights, b, out, weights);
        line("distributed %d %d %d: %d %d, %d", a, b, c, list[0], out[0], weights[0]);
    }
    a = b = 0;
    MPI_Dims_create(12, 2, (dims[0] = dims[1] = 0, dims));
    line("dims %d %d", dims[0], dims[1]);
}

static void pass(int p)
{
    MPI_Comm gone;
    MPI_Group again;
    int first, same;

    far_group[p] = MPI_GROUP_NULL;
    for (int i = 0; i < COMMS; i++)
        infos[p][i][0] = infos[p][i][1] = MPI_INFO_NULL;
    made = 0;
    make_groups(p);
    make_plain(p);
    first = made;
    make_topologies(p);
    for (int q = 0; q <= p; q++) {
        for (int i = 0; i < made; i++)
            use(q, comms[q][i], i);
        use_topologies(&comms[q][first]);
    }
    MPI_Comm_idup(MPI_COMM_WORLD, &later[p], &request[p]);
    if (p > 0) {
        MPI_Waitall(PASSES, request, MPI_STATUSES_IGNORE);
        for (int q = 0; q < PASSES; q++) {
            MPI_Comm_compare(later[q], MPI_COMM_WORLD, &same);
            line("later %d", same == MPI_CONGRUENT);
            MPI_Comm_free(&later[q]);
        }
    }
    MPI_Comm_get_parent(&gone);
    line("parent %d", gone != MPI_COMM_NULL);
    MPI_Comm_dup(MPI_COMM_WORLD, &gone);
    MPI_Comm_group(gone, &again);
    MPI_Group_free(&again);
    MPI_Comm_free(&gone);
    MPI_Comm_dup(MPI_COMM_WORLD, &gone);
    MPI_Comm_disconnect(&gone);
    for (int q = 0; p == PASSES - 1 && q < PASSES; q++) {
        for (int i = 0; i < made; i++)
            if (comms[q][i] != MPI_COMM_NULL)
                MPI_Comm_free(&comms[q][i]);
        for (int i = 0; i < 8; i++)
            MPI_Group_free(&groups[q][i]);
    }
}

int main(int argc, char **argv)
{
    return cover_main(argc, argv, pass);
}
