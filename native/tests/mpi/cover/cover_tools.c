/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The tools interface, between whose sessions checkpoints can be taken; ports and names. */
#include "cover.h"

static const char *variable = "btl_vader_eager_limit";

static void enumeration(MPI_T_enum type)
{
    int n, value, length = 64;
    char name[64];

    if (type == MPI_T_ENUM_NULL)
        return;
    MPI_T_enum_get_info(type, &n, name, &length);
    length = 64;
    MPI_T_enum_get_item(type, 0, &value, name, &length);
    line("enumeration of %d: %s %d", n, name, value);
}

static void control_variables(void)
{
    int n, found, verbosity, bind, scope, count, length, described, value = -1, seen = 0;
    char name[256], text[1024];
    MPI_Datatype type;
    MPI_T_enum of;
    MPI_T_cvar_handle handle;

    MPI_T_cvar_get_num(&n);
    code("index", MPI_T_cvar_get_index(variable, &found));
    for (int i = 0; i < n && seen < 3; i++) {
        length = sizeof(name);
        described = sizeof(text);
        if (MPI_T_cvar_get_info(i, name, &length, &verbosity, &type, &of, text, &described, &bind,
                                &scope) == MPI_SUCCESS &&
            of != MPI_T_ENUM_NULL) {
            enumeration(of);
            seen++;
        }
    }
    length = sizeof(name);
    described = sizeof(text);
    MPI_T_cvar_get_info(found, name, &length, &verbosity, &type, &of, text, &described, &bind,
                        &scope);
    code("handle", MPI_T_cvar_handle_alloc(found, NULL, &handle, &count));
    MPI_T_cvar_read(handle, &value);
    code("write", MPI_T_cvar_write(handle, &value));
    MPI_T_cvar_handle_free(&handle);
    line("%s: %d of scope %d, %d", name, value, scope, bind);
}

static void performance_variables(void)
{
    int n, found, verbosity, class, bind, length, described, readonly, continuous, atomic,
        count = 0;
    char name[256], text[1024];
    unsigned long long value[64];
    MPI_Datatype type;
    MPI_T_enum of;
    MPI_T_pvar_session session;
    MPI_T_pvar_handle handle;
    MPI_Comm comm = MPI_COMM_WORLD;

    MPI_T_pvar_get_num(&n);
    line("variables %d", n > 0);
    for (int i = 0; i < n; i++) {
        length = sizeof(name);
        described = sizeof(text);
        if (MPI_T_pvar_get_info(i, name, &length, &verbosity, &class, &type, &of, text, &described,
                                &bind, &readonly, &continuous, &atomic) == MPI_SUCCESS &&
            strcmp(name, "pml_monitoring_flush") != 0 && bind == MPI_T_BIND_MPI_COMM)
            break;
    }
    code("index", MPI_T_pvar_get_index(name, class, &found));
    MPI_T_pvar_session_create(&session);
    code("handle", MPI_T_pvar_handle_alloc(session, found, &comm, &handle, &count));
    line("%s: class %d, count %d", name, class, count);
    code("start", MPI_T_pvar_start(session, handle));
    if (count <= 64)
        code("read", MPI_T_pvar_read(session, handle, value));
    code("readreset", MPI_T_pvar_readreset(session, handle, value));
    code("write", MPI_T_pvar_write(session, handle, value));
    code("reset", MPI_T_pvar_reset(session, handle));
    code("stop", MPI_T_pvar_stop(session, handle));
    MPI_T_pvar_handle_free(session, &handle);
    MPI_T_pvar_session_free(&session);
}

static void categories(void)
{
    int n, stamp, found, length = 64, described = 1024, cvars, pvars, subs, list[512];
    char name[256], text[1024];

    MPI_T_category_get_num(&n);
    MPI_T_category_changed(&stamp);
    code("index", MPI_T_category_get_index("btl", &found));
    MPI_T_category_get_info(0, name, &length, text, &described, &cvars, &pvars, &subs);
    line("category %s: %d %d", name, cvars > 0, n > 0);
    code("cvars", MPI_T_category_get_cvars(0, 1, list));
    code("pvars", MPI_T_category_get_pvars(0, 1, list));
    code("categories", MPI_T_category_get_categories(0, 1, list));
}

static void ports(void)
{
    char port[MPI_MAX_PORT_NAME];

    MPI_Open_port(MPI_INFO_NULL, port);
    line("port %d", port[0] != 0);
    MPI_Close_port(port);
}

static void pass(int p)
{
    int level;

    (void)p;
    MPI_Barrier(MPI_COMM_WORLD);
    MPI_T_init_thread(MPI_THREAD_SINGLE, &level);
    control_variables();
    performance_variables();
    categories();
    MPI_T_finalize();
    ports();
    MPI_Barrier(MPI_COMM_WORLD);
}

int main(int argc, char **argv)
{
    return cover_main(argc, argv, pass);
}
