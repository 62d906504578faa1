/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects: communicators, groups, attributes, error handlers, infos, names, Fortran handles, error
 * classes.
 */
#include "stub_test.h"

static void show_members(const char *label, MPI_Comm comm)
{
    int n, r;

    MPI_Comm_rank(comm, &r);
    MPI_Comm_size(comm, &n);
    line("%s: %d of %d", label, r, n);
}

static void groups(void)
{
    MPI_Comm created, grouped;
    MPI_Group world, evens, both;
    int n, result, ranks[3] = {0, size - 1, 1};

    MPI_Comm_group(MPI_COMM_WORLD, &world);
    MPI_Group_range_incl(world, 1, (int[1][3]){{0, size - 1, 2}}, &evens);
    MPI_Comm_create(MPI_COMM_WORLD, evens, &created);
    line("create: %d", created == MPI_COMM_NULL);
    if (rank % 2 == 0) {
        MPI_Comm_create_group(MPI_COMM_WORLD, evens, 3, &grouped);
        MPI_Comm_compare(created, grouped, &result);
        line("create_group: congruent %d", result == MPI_CONGRUENT);
        MPI_Comm_free(&grouped);
        MPI_Comm_free(&created);
    }
    MPI_Group_union(evens, world, &both);
    MPI_Group_compare(both, world, &result);
    MPI_Group_size(both, &n);
    line("union %d, similar %d", n, result == MPI_SIMILAR || result == MPI_IDENT);
    MPI_Group_translate_ranks(world, size > 1 ? 2 : 1, ranks, evens, &ranks[1]);
    line("translated %d", ranks[1]);
    MPI_Group_free(&both);
    MPI_Group_free(&evens);
    MPI_Group_difference(world, world, &both);
    line("empty %d", both == MPI_GROUP_EMPTY);
    MPI_Group_free(&world);
}

static void intercommunicators(MPI_Comm half)
{
    MPI_Comm inter, merged;
    int n, flag, leader = rank % 2 == 0 ? (size % 2 ? size - 2 : size - 1) : (size - 1) / 2 * 2;

    if (size == 1)
        return;
    MPI_Intercomm_create(half, 0, MPI_COMM_WORLD, leader, 5, &inter);
    MPI_Comm_test_inter(inter, &flag);
    MPI_Comm_remote_size(inter, &n);
    line("inter %d remote %d", flag, n);
    MPI_Allreduce(&rank, &n, 1, MPI_INT, MPI_SUM, inter);
    line("sum of the others %d", n);
    MPI_Intercomm_merge(inter, rank % 2, &merged);
    show_members("merged", merged);
    MPI_Comm_free(&merged);
    MPI_Comm_free(&inter);
}

static void duplicates(MPI_Comm half)
{
    MPI_Comm later, twin, shared;
    MPI_Request request;
    char name[MPI_MAX_OBJECT_NAME];
    int n, result, length;

    MPI_Comm_idup(half, &later, &request);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
    MPI_Comm_compare(half, later, &result);
    line("idup congruent %d", result == MPI_CONGRUENT);
    MPI_Allreduce(&rank, &n, 1, MPI_INT, MPI_SUM, later);
    line("sum on idup %d", n);
    MPI_Comm_set_name(later, "later");
    MPI_Comm_dup(later, &twin);
    MPI_Comm_get_name(later, name, &length);
    line("name %s %d", name, length);
    MPI_Comm_split_type(twin, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &shared);
    show_members("shared", shared);
    MPI_Comm_free(&shared);
    MPI_Comm_free(&twin);
    MPI_Comm_free(&later);
}

static void communicators(void)
{
    MPI_Comm half, none;

    MPI_Comm_split(MPI_COMM_WORLD, rank % 2, -rank, &half);
    show_members("split", half);
    MPI_Comm_split(MPI_COMM_WORLD, rank == 0 ? MPI_UNDEFINED : 1, 0, &none);
    line("undefined: %d", none == MPI_COMM_NULL);
    groups();
    duplicates(half);
    intercommunicators(half);
    MPI_Comm_free(&half);
    if (none != MPI_COMM_NULL)
        MPI_Comm_free(&none);
}

static int copies, deletes;

static int copy(MPI_Comm comm, int key, void *extra, void *in, void *out, int *flag)
{
    (void)comm;
    (void)key;
    copies++;
    *(void **)out = (char *)in + *(int *)extra;
    *flag = 1;
    return MPI_SUCCESS;
}

static int delete(MPI_Comm comm, int key, void *value, void *extra)
{
    (void)comm;
    (void)key;
    (void)extra;
    line("deleted %ld", (long)value);
    deletes++;
    return MPI_SUCCESS;
}

static int refuse(MPI_Comm comm, int key, void *value, void *extra)
{
    (void)comm;
    (void)key;
    (void)value;
    return *(int *)extra ? MPI_ERR_OTHER : MPI_SUCCESS;
}

static int type_copy(MPI_Datatype type, int key, void *extra, void *in, void *out, int *flag)
{
    (void)type;
    (void)key;
    (void)extra;
    *(void **)out = in;
    *flag = 1;
    return MPI_SUCCESS;
}

static void own_attributes(void)
{
    void *value;
    int flag;

    MPI_Comm_get_attr(MPI_COMM_WORLD, MPI_TAG_UB, &value, &flag);
    line("tag_ub %d %d", flag, *(int *)value);
    MPI_Comm_get_attr(MPI_COMM_WORLD, MPI_WTIME_IS_GLOBAL, &value, &flag);
    line("wtime %d %d", flag, *(int *)value);
}

static void type_attributes(void)
{
    static int places[8];
    MPI_Datatype type, twin;
    void *value;
    int key, flag;

    MPI_Type_create_keyval(type_copy, MPI_TYPE_NULL_DELETE_FN, &key, NULL);
    MPI_Type_contiguous(2, MPI_INT, &type);
    MPI_Type_set_attr(type, key, &places[3]);
    MPI_Type_dup(type, &twin);
    MPI_Type_get_attr(twin, key, &value, &flag);
    line("type attribute %d %d", flag, value == &places[3]);
    MPI_Type_free(&type);
    MPI_Type_free(&twin);
    MPI_Type_free_keyval(&key);
}

/* Attributes of COMM, set with KEY and OTHER, in a duplicate of it. */
static void copied(MPI_Comm comm, int *key, int other)
{
    MPI_Comm next;
    void *value;
    int flag;

    MPI_Comm_dup(comm, &next);
    MPI_Comm_get_attr(next, *key, &value, &flag);
    line("copied %ld %d", (long)value, flag);
    MPI_Comm_get_attr(next, other, &value, &flag);
    line("not copied %d", flag);
    MPI_Comm_free_keyval(key);
    line("freed keyval %d", *key == MPI_KEYVAL_INVALID);
    MPI_Comm_free(&next);
}

static void attributes(void)
{
    static int places[8];
    int extra = 5, key, second, third, no = 1;
    MPI_Comm twin;

    MPI_Comm_create_keyval(copy, delete, &key, &extra);
    MPI_Comm_create_keyval(MPI_COMM_NULL_COPY_FN, MPI_COMM_NULL_DELETE_FN, &second, NULL);
    MPI_Comm_create_keyval(MPI_COMM_DUP_FN, refuse, &third, &no);
    MPI_Comm_set_attr(MPI_COMM_SELF, key, (void *)1);
    MPI_Comm_dup(MPI_COMM_WORLD, &twin);
    MPI_Comm_set_attr(twin, key, (void *)100);
    MPI_Comm_set_attr(twin, second, places);
    MPI_Comm_set_attr(twin, key, (void *)200);
    copied(twin, &key, second);
    MPI_Comm_set_attr(twin, third, &no);
    MPI_Comm_set_errhandler(twin, MPI_ERRORS_RETURN);
    code("a refused delete", MPI_Comm_delete_attr(twin, third));
    no = 0;
    code("a delete", MPI_Comm_delete_attr(twin, third));
    MPI_Comm_free(&twin);
    line("copies %d deletes %d", copies, deletes);
    own_attributes();
    type_attributes();
}

static int handled;

static void handler(MPI_Comm *comm, int *rc, ...)
{
    int class, n;

    MPI_Error_class(*rc, &class);
    MPI_Comm_size(*comm, &n);
    handled++;
    line("handler: class %d on %d ranks", class, n);
}

static void errors(void)
{
    MPI_Errhandler own, seen;
    MPI_Comm dup, child;
    int new_class, new_code, new_class_of, length, *last, flag;
    char text[MPI_MAX_ERROR_STRING];

    MPI_Comm_get_errhandler(MPI_COMM_WORLD, &seen);
    line("default is fatal %d", seen == MPI_ERRORS_ARE_FATAL);
    MPI_Comm_create_errhandler(handler, &own);
    MPI_Comm_dup(MPI_COMM_WORLD, &dup);
    MPI_Comm_set_errhandler(dup, own);
    MPI_Errhandler_free(&own);
    line("freed %d", own == MPI_ERRHANDLER_NULL);
    code("Send to nobody", MPI_Send(&length, 1, MPI_INT, size + 3, 0, dup));
    MPI_Comm_dup(dup, &child);
    code("Bcast from nobody", MPI_Bcast(&length, 1, MPI_INT, size + 3, child));
    MPI_Comm_call_errhandler(child, MPI_ERR_ARG);
    line("handled %d", handled);
    MPI_Comm_set_errhandler(child, MPI_ERRORS_RETURN);
    code("negative count", MPI_Bcast(&length, -1, MPI_INT, 0, child));
    code("no type", MPI_Bcast(&length, 1, MPI_DATATYPE_NULL, 0, child));
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    code("no communicator", MPI_Barrier(MPI_COMM_NULL));
    code("no group", MPI_Group_size(MPI_GROUP_NULL, &length));
    code("free a predefined type", MPI_Type_free(&(MPI_Datatype){MPI_INT}));
    code("no such file", MPI_File_delete("/nonexistent/quiesce", MPI_INFO_NULL));
    MPI_Add_error_class(&new_class);
    MPI_Add_error_code(new_class, &new_code);
    MPI_Add_error_string(new_code, "a fine mess");
    MPI_Error_string(new_code, text, &length);
    MPI_Error_class(new_code, &new_class_of);
    MPI_Comm_get_attr(MPI_COMM_WORLD, MPI_LASTUSEDCODE, &last, &flag);
    line("own error %s %d %d", text, new_class_of == new_class, *last >= new_code);
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_ARE_FATAL);
    MPI_Comm_free(&child);
    MPI_Comm_free(&dup);
}

static void infos(void)
{
    MPI_Info info, dup;
    char value[32], key[MPI_MAX_INFO_KEY + 1];
    int flag, n, length;

    MPI_Info_create(&info);
    MPI_Info_set(info, "colour", "green");
    MPI_Info_set(info, "shape", "round");
    MPI_Info_dup(info, &dup);
    MPI_Info_delete(info, "shape");
    MPI_Info_get_nkeys(dup, &n);
    MPI_Info_get(dup, "shape", 31, value, &flag);
    MPI_Info_get_valuelen(dup, "colour", &length, &flag);
    MPI_Info_get_nthkey(info, 0, key);
    line("info %d %s %d %s", n, value, length, key);
    MPI_Info_free(&info);
    MPI_Info_free(&dup);
    line("freed %d", info == MPI_INFO_NULL && dup == MPI_INFO_NULL);
}

static void fortran(void)
{
    MPI_Comm dup;
    MPI_Fint first, again;
    MPI_Request request;
    MPI_Status status;
    MPI_Fint words[6];
    int in = -1;

    line("world %d self %d null %d", MPI_Comm_c2f(MPI_COMM_WORLD), MPI_Comm_c2f(MPI_COMM_SELF),
         MPI_Comm_c2f(MPI_COMM_NULL));
    line("int %d double %d byte %d null %d", MPI_Type_c2f(MPI_INT), MPI_Type_c2f(MPI_DOUBLE),
         MPI_Type_c2f(MPI_BYTE), MPI_Type_c2f(MPI_DATATYPE_NULL));
    line("sum %d max %d group %d info %d", MPI_Op_c2f(MPI_SUM), MPI_Op_c2f(MPI_MAX),
         MPI_Group_c2f(MPI_GROUP_EMPTY), MPI_Info_c2f(MPI_INFO_NULL));
    line("request %d message %d file %d win %d", MPI_Request_c2f(MPI_REQUEST_NULL),
         MPI_Message_c2f(MPI_MESSAGE_NULL), MPI_File_c2f(MPI_FILE_NULL), MPI_Win_c2f(MPI_WIN_NULL));
    line("errhandler %d %d", MPI_Errhandler_c2f(MPI_ERRORS_RETURN),
         MPI_Errhandler_c2f(MPI_ERRORS_ARE_FATAL));
    MPI_Comm_dup(MPI_COMM_WORLD, &dup);
    first = MPI_Comm_c2f(dup);
    again = MPI_Comm_c2f(dup);
    line("round %d %d", first == again, MPI_Comm_f2c(first) == dup);
    line("nonsense %d", MPI_Comm_f2c(12345) == NULL);
    MPI_Irecv(&in, 1, MPI_INT, rank, 4, dup, &request);
    first = MPI_Request_c2f(request);
    MPI_Send(&rank, 1, MPI_INT, rank, 4, dup);
    request = MPI_Request_f2c(first);
    MPI_Wait(&request, &status);
    MPI_Status_c2f(&status, words);
    MPI_Status_f2c(words, &status);
    line("status %d %d", status.MPI_SOURCE == rank, status.MPI_TAG);
    MPI_Comm_free(&dup);
}

int main(int argc, char **argv)
{
    void *memory = NULL;
    double now;

    begin(&argc, &argv);
    communicators();
    attributes();
    errors();
    infos();
    fortran();
    MPI_Alloc_mem(1000, MPI_INFO_NULL, &memory);
    memset(memory, 1, 1000);
    MPI_Free_mem(memory);
    now = MPI_Wtime();
    line("clock %d %d", MPI_Wtime() >= now, MPI_Wtick() > 0);
    MPI_Finalize();
    return 0;
}
