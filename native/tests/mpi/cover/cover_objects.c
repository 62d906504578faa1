/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes, error handlers, infos, own errors, the environment, and their forms of MPI 1. */
#include "cover.h"

static int keyvals[PASSES][2], places[8], handled;
static MPI_Errhandler handlers[PASSES][2];
static MPI_Info infos[PASSES][2];
static MPI_Comm comms[PASSES];

static int copy(MPI_Comm comm, int key, void *extra, void *in, void *out, int *flag)
{
    (void)comm, (void)key, (void)extra;
    *(void **)out = (int *)in + 1;
    *flag = 1;
    return MPI_SUCCESS;
}

static int delete(MPI_Comm comm, int key, void *value, void *extra)
{
    (void)comm, (void)key, (void)extra;
    line("deleted %d", (int)((int *)value - places));
    return MPI_SUCCESS;
}

static void handler(MPI_Comm *comm, int *rc, ...)
{
    int class;

    (void)comm;
    MPI_Error_class(*rc, &class);
    handled += class;
}

static void make(int p)
{
    MPI_Comm_dup(MPI_COMM_WORLD, &comms[p]);
    MPI_Comm_create_keyval(copy, delete, &keyvals[p][0], NULL);
    MPI_Keyval_create(copy, delete, &keyvals[p][1], NULL);
    MPI_Comm_create_errhandler(handler, &handlers[p][0]);
    MPI_Errhandler_create(handler, &handlers[p][1]);
    MPI_Info_create(&infos[p][0]);
    MPI_Info_set(infos[p][0], "colour", "green");
    MPI_Info_set(infos[p][0], "shape", "round");
    MPI_Info_dup(infos[p][0], &infos[p][1]);
    MPI_Info_delete(infos[p][1], "shape");
    MPI_Comm_set_attr(comms[p], keyvals[p][0], &places[1]);
    MPI_Attr_put(comms[p], keyvals[p][1], &places[2]);
}

static void attributes(int q)
{
    MPI_Comm twin;
    void *a = NULL, *b = NULL;
    int found, also, gone, old;

    MPI_Comm_dup(comms[q], &twin);
    MPI_Comm_get_attr(twin, keyvals[q][0], &a, &found);
    MPI_Attr_get(twin, keyvals[q][1], &b, &also);
    line("attributes %d %d: %d %d", found, also, (int)((int *)a - places),
         (int)((int *)b - places));
    MPI_Comm_delete_attr(twin, keyvals[q][0]);
    MPI_Attr_delete(twin, keyvals[q][1]);
    MPI_Comm_free(&twin);
    MPI_Comm_create_keyval(copy, delete, &gone, NULL);
    MPI_Comm_free_keyval(&gone);
    MPI_Keyval_create(copy, delete, &old, NULL);
    MPI_Keyval_free(&old);
    line("gone %d %d", gone == MPI_KEYVAL_INVALID, old == MPI_KEYVAL_INVALID);
}

static void errors(int q)
{
    MPI_Errhandler seen, gone;
    int before = handled;

    MPI_Comm_set_errhandler(comms[q], handlers[q][0]);
    MPI_Comm_get_errhandler(comms[q], &seen);
    line("the same %d %d", seen == handlers[q][0],
         MPI_Errhandler_f2c(MPI_Errhandler_c2f(handlers[q][0])) == handlers[q][0]);
    MPI_Errhandler_free(&seen);
    MPI_Comm_call_errhandler(comms[q], MPI_ERR_ARG);
    MPI_Errhandler_set(comms[q], handlers[q][1]);
    MPI_Errhandler_get(comms[q], &seen);
    line("old %d", seen == handlers[q][1]);
    MPI_Errhandler_free(&seen);
    MPI_Send(&before, -1, MPI_INT, 0, 0, comms[q]);
    line("handled %d", handled - before);
    MPI_Comm_create_errhandler(handler, &gone);
    MPI_Errhandler_free(&gone);
}

static void own_errors(void)
{
    int class, code, of, length;
    char text[MPI_MAX_ERROR_STRING];

    MPI_Add_error_class(&class);
    MPI_Add_error_code(class, &code);
    MPI_Add_error_string(code, "a fine mess");
    MPI_Error_string(code, text, &length);
    MPI_Error_class(code, &of);
    line("%s %d %d", text, length, of == class);
}

static void use_infos(int q)
{
    MPI_Info gone;
    char key[MPI_MAX_INFO_KEY + 1], value[40];
    int n, flag, length;

    for (int i = 0; i < 2; i++) {
        MPI_Info_get_nkeys(infos[q][i], &n);
        MPI_Info_get_nthkey(infos[q][i], 0, key);
        MPI_Info_get_valuelen(infos[q][i], key, &length, &flag);
        MPI_Info_get(infos[q][i], key, 39, value, &flag);
        line("info %d %s %d %s, %d", n, key, length, value,
             MPI_Info_f2c(MPI_Info_c2f(infos[q][i])) == infos[q][i]);
    }
    MPI_Info_create(&gone);
    MPI_Info_free(&gone);
}

static void environment(void)
{
    char text[MPI_MAX_LIBRARY_VERSION_STRING], bound[1024], binding[1024], exists[1024];
    int a, b, c, *ub, level, main_thread, rank_now, size_now;
    double now;
    void *memory;

    MPI_Initialized(&a);
    MPI_Finalized(&b);
    MPI_Query_thread(&level);
    MPI_Is_thread_main(&main_thread);
    line("initialized %d, finalized %d, level %d, main %d", a, b, level, main_thread);
    MPI_Get_version(&a, &b);
    MPI_Get_library_version(text, &c);
    line("version %d.%d %.20s", a, b, text);
    MPI_Get_processor_name(text, &c);
    line("processor %s", text);
    MPI_Comm_get_attr(MPI_COMM_WORLD, MPI_TAG_UB, &ub, &a);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_now);
    MPI_Comm_size(MPI_COMM_WORLD, &size_now);
    line("tag_ub %d, %d of %d", *ub, rank_now, size_now);
    now = MPI_Wtime();
    line("clock %d %d", MPI_Wtime() >= now, MPI_Wtick() > 0 && MPI_Wtick() < 1);
    MPI_Pcontrol(1);
    line("cuda %d", MPIX_Query_cuda_support());
    line("affinity %d", OMPI_Affinity_str(OMPI_AFFINITY_RSRC_STRING_FMT, bound, binding, exists));
    MPI_Alloc_mem(1000, MPI_INFO_NULL, &memory);
    memset(memory, 1, 1000);
    MPI_Free_mem(memory);
}

static void pass(int p)
{
    make(p);
    for (int q = 0; q <= p; q++) {
        attributes(q);
        errors(q);
        use_infos(q);
    }
    own_errors();
    environment();
    for (int q = 0; p == PASSES - 1 && q < PASSES; q++) {
        MPI_Comm_free(&comms[q]);
        MPI_Comm_free_keyval(&keyvals[q][0]);
        MPI_Keyval_free(&keyvals[q][1]);
        for (int i = 0; i < 2; i++) {
            MPI_Errhandler_free(&handlers[q][i]);
            MPI_Info_free(&infos[q][i]);
        }
    }
}

int main(int argc, char **argv)
{
    int level;

    MPI_Init_thread(&argc, &argv, MPI_THREAD_SERIALIZED, &level);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    for (int p = 0; p < PASSES; p++) {
        pass(p);
        MPI_Barrier(MPI_COMM_WORLD);
    }
    MPI_Finalize();
    return 0;
}
