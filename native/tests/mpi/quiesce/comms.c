/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Communicators of every origin across a checkpoint: all cases of comms_inter.c and comms_kept.c are made, one checkpoint is
 * taken, and each must give the same digest as before.
 *
 *     comms [NAME...]      all, or the named ones        comms many N      N duplicates, and what they cost
 */
#include "comms.h"

#include "qt_states.h"

#include <sys/resource.h>

enum { MOST = 40 };

static const struct part *chosen[MOST];
static uint64_t before[MOST], sum;
static int count, number;

void digest(const void *data, size_t size)
{
    const unsigned char *at = data;

    while (size-- > 0)
        sum = (sum ^ *at++) * 0x100000001b3ULL;
}

void digest_int(int value)
{
    digest(&value, sizeof(value));
}

static void digest_group(MPI_Group group)
{
    MPI_Group world;
    int size, i, rank;

    MPI_Comm_group(MPI_COMM_WORLD, &world);
    MPI_Group_size(group, &size);
    digest_int(size);
    for (i = 0; i < size; i++) {
        MPI_Group_translate_ranks(group, 1, &i, world, &rank);
        digest_int(rank);
    }
    MPI_Group_free(&world);
    MPI_Group_free(&group);
}

static void digest_hints(MPI_Comm comm)
{
    char key[MPI_MAX_INFO_KEY + 1], value[MPI_MAX_INFO_VAL + 1];
    MPI_Info info;
    int keys, i, flag;

    MPI_Comm_get_info(comm, &info);
    MPI_Info_get_nkeys(info, &keys);
    digest_int(keys);
    for (i = 0; i < keys; i++) {
        MPI_Info_get_nthkey(info, i, key);
        MPI_Info_get(info, key, MPI_MAX_INFO_VAL, value, &flag);
        digest(key, strlen(key));
        digest(value, strlen(value));
    }
    MPI_Info_free(&info);
}

void digest_comm(MPI_Comm comm)
{
    char name[MPI_MAX_OBJECT_NAME];
    MPI_Group group;
    int inter, rank, length, topology, all = -1;

    digest_int(comm == MPI_COMM_NULL);
    if (comm == MPI_COMM_NULL)
        return;
    MPI_Comm_test_inter(comm, &inter);
    MPI_Comm_rank(comm, &rank);
    digest_int(rank);
    MPI_Comm_group(comm, &group);
    digest_group(group);
    if (inter) {
        MPI_Comm_remote_group(comm, &group);
        digest_group(group);
    } else {
        MPI_Topo_test(comm, &topology);
        digest_int(topology);
    }
    MPI_Comm_get_name(comm, name, &length);
    digest(name, (size_t)length);
    digest_hints(comm);
    rank = rank * 3 + qt_rank;
    MPI_Allreduce(&rank, &all, 1, MPI_INT, MPI_SUM, comm);
    digest_int(all);
}

static void choose(const struct part *parts, int argc, char **argv)
{
    for (; parts->name != NULL; parts++)
        if (qt_chosen(argc, argv, parts->name))
            chosen[count++] = parts;
}

static uint64_t use(const struct part *part)
{
    sum = 0xcbf29ce484222325ULL;
    part->use();
    return sum;
}

/* A checkpoint is asked for and over, with nobody in a collective. */
static void checkpoint(void)
{
    if (qt_rank == 0) {
        qt_compute(0.02);
        qt_make("want", ++number);
        qt_until("done", number);
    } else {
        qt_until("done", ++number);
    }
}

static void round_of_all(void)
{
    int i;

    for (i = 0; i < count; i++)
        if (chosen[i]->start != NULL)
            chosen[i]->start();
    checkpoint();
    for (i = 0; i < count; i++)
        if (chosen[i]->finish != NULL)
            chosen[i]->finish();
    for (i = 0; i < count; i++)
        QT_CHECK(use(chosen[i]) == before[i], "%s is not what it was", chosen[i]->name);
}

static long memory_kb(void)
{
    char line[128];
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    if (f != NULL && fgets(line, sizeof(line), f) != NULL)
        pages = atol(strchr(line, ' '));
    if (f != NULL)
        fclose(f);
    return pages * 4;
}

static void many(int n)
{
    MPI_Comm *all = malloc((size_t)n * sizeof(*all));
    long kb = memory_kb(), later;
    double start = qt_now();
    int i, one = 1, got = 0;

    for (i = 0; i < n; i++)
        MPI_Comm_dup(i % 2 ? all[i - 1] : MPI_COMM_WORLD, &all[i]);
    if (qt_rank == 0)
        printf("# %d duplicates: %.2f s, %ld kB\n", n, qt_now() - start, memory_kb() - kb);
    fflush(stdout);
    checkpoint();
    later = memory_kb();
    for (i = 0; i < n; i += n / 10 + 1) {
        MPI_Allreduce(&one, &got, 1, MPI_INT, MPI_SUM, all[i]);
        QT_CHECK(got == qt_size, "duplicate %d: %d", i, got);
    }
    start = qt_now();
    for (i = 0; i < n; i++)
        MPI_Comm_free(&all[i]);
    if (qt_rank == 0)
        printf("# after the checkpoint %ld kB more than before all; freed in %.2f s\n", later - kb,
               qt_now() - start);
    free(all);
}

static void all_cases(int argc, char **argv)
{
    int i;

    choose(comms_inter, argc, argv);
    choose(comms_kept, argc, argv);
    if (argc > 1) /* by itself */
        choose(comms_led, argc, argv);
    for (i = 0; i < count; i++)
        chosen[i]->make();
    for (i = 0; i < count; i++)
        before[i] = use(chosen[i]);
    for (i = 0; i < count; i++)
        QT_CHECK(use(chosen[i]) == before[i], "%s differs without a checkpoint", chosen[i]->name);
    round_of_all();
    round_of_all();
    for (i = 0; i < count; i++)
        chosen[i]->drop();
}

int main(int argc, char **argv)
{
    int all = 0, level;

    MPI_Init_thread(&argc, &argv,
                    getenv("COMMS_MULTIPLE") != NULL ? MPI_THREAD_MULTIPLE : MPI_THREAD_SINGLE,
                    &level);
    MPI_Comm_rank(MPI_COMM_WORLD, &qt_rank);
    MPI_Comm_size(MPI_COMM_WORLD, &qt_size);
    if (argc > 2 && strcmp(argv[1], "many") == 0)
        many(atoi(getenv("QUIESCE_COMMS_MANY") != NULL ? getenv("QUIESCE_COMMS_MANY") : argv[2]));
    else
        all_cases(argc, argv);
    MPI_Allreduce(&qt_wrong, &all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    if (qt_rank == 0)
        printf("%s communicators: %d cases\n", all ? "not ok" : "ok", count);
    MPI_Finalize();
    return all != 0;
}
