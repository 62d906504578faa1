/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal, lower half. */
#include "cr_lower_transport.h"

#include "cr_fmt.h"
#include "cr_lower.h"
#include "cr_lower_fds.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FDS_MAX 4096
#define EVENT_UNMAPPED (1 << 17) /* UCX's number for "memory was unmapped" */

#define OTHERS "--mca pml ob1 --mca btl self,vader,tcp"

/* The beginning of each component of Open MPI, since its version 2. */
struct component {
    int version[3];
    char project[16];
    int project_version[3];
    char type[32];
    int type_version[3];
    char name[64];
};

static int open_fds[FDS_MAX];

static void *symbol(const char *name)
{
    return dlsym(RTLD_DEFAULT, name);
}

static void no_event(int event, void *what, void *argument)
{
    (void)event;
    (void)what;
    (void)argument;
}

/* UCX keeps no registrations if nobody can be told of unmapped memory. */
static int ucx_tells(void)
{
    void *library = dlopen("libucm.so.0", RTLD_NOW | RTLD_NOLOAD);
    int (*set)(int, int, void (*)(int, void *, void *), void *) = NULL;
    void (*unset)(int, void (*)(int, void *, void *), void *) = NULL;

    if (library == NULL)
        return 0;
    *(void **)&set = dlsym(library, "ucm_set_event_handler");
    *(void **)&unset = dlsym(library, "ucm_unset_event_handler");
    if (set == NULL || unset == NULL)
        return 1;
    if (set(EVENT_UNMAPPED, 0, no_event, NULL) < 0)
        return 0;
    unset(EVENT_UNMAPPED, no_event, NULL);
    return 1;
}

/*
 * The application's unmapping is never seen by the lower half. So nothing there may keep the
 * registration of a buffer after the call that it was made for.
 */
static int check_caches(struct cr_error *err)
{
    const int *leave = symbol("opal_leave_pinned");
    const char *pipeline = symbol("opal_leave_pinned_pipeline");
    const char *monitor = getenv("FI_MR_CACHE_MONITOR");

    if ((leave != NULL && *leave > 0) || (pipeline != NULL && *pipeline != 0))
        return cr_fail(
            err, CR_EREFUSED,
            "Open MPI keeps memory registered (mpi_leave_pinned): the messages of a program that "
            "unmaps "
            "memory would be wrong; take mpi_leave_pinned out of openmpi-mca-params-override.conf");
    if (ucx_tells())
        return cr_fail(err, CR_EREFUSED,
                       "UCX keeps memory registered although UCX_MEM_EVENTS=n is set: the messages "
                       "of a program "
                       "that unmaps memory would be wrong; start it with " OTHERS);
    if (monitor == NULL || strcmp(monitor, "disabled") != 0)
        return cr_fail(err, CR_EREFUSED,
                       "FI_MR_CACHE_MONITOR was changed within MPI_Init: libfabric may keep memory "
                       "registered; start the job with " OTHERS);
    return 0;
}

static const char *name_of(const struct component *c, const char *type)
{
    return c == NULL || strcmp(c->type, type) != 0 ? "unknown" : c->name;
}

static void refuse(const char *transport, const char *why, const char *remedy)
{
    cr_fmt(cr_lower->transport, sizeof cr_lower->transport,
           "messages go over %s: %s; start the job with %s", transport, why, remedy);
}

static void untried(const char *transport)
{
    const char *allowed = getenv(CR_LOWER_UNTRIED_VARIABLE);

    if (allowed == NULL || strcmp(allowed, "0") == 0)
        refuse(transport, "checkpoints over it have not been tried",
               OTHERS ", or with " CR_LOWER_UNTRIED_VARIABLE "=1 at your own risk");
}

/* Of libfabric's providers, tcp and sockets deliver what a drain asks for. */
static void look_at_provider(const char *mtl)
{
    const char *provider = cr_lower_transport_mtl_provider();
    char text[128];

    cr_fmt(text, sizeof text, "mtl %s%s%s", mtl, provider[0] != '\0' ? ", provider " : "",
           provider);
    if (strcmp(mtl, "ofi") != 0)
        untried(text);
    else if (cr_str_starts(provider, "net") || cr_str_starts(provider, "udp"))
        refuse(text, "its messages in flight cannot all be received at a checkpoint",
               "--mca mtl_ofi_provider_include tcp");
    else if (!cr_str_starts(provider, "tcp") && !cr_str_starts(provider, "sockets"))
        untried(text);
}

static void look_at_components(void)
{
    const char *pml = name_of(symbol("mca_pml_base_selected_component"), "pml");
    const struct component **mtl = symbol("ompi_mtl_base_selected_component");
    const char *provider = cr_lower_transport_btl_provider();
    const char *mtl_name = name_of(mtl == NULL ? NULL : *mtl, "mtl");
    char text[128];

    if (strcmp(pml, "cm") == 0) {
        cr_lower->forgets_matched = strcmp(mtl_name, "ofi") == 0;
        look_at_provider(mtl_name);
    } else if (strcmp(pml, "ob1") != 0 && strcmp(pml, "ucx") != 0) {
        cr_fmt(text, sizeof text, "pml %s", pml);
        untried(text);
    } else if (provider[0] != '\0') {
        cr_fmt(text, sizeof text, "btl ofi, provider %s", provider);
        untried(text);
    }
}

/* Devices that are no network. */
static int is_harmless(const char *path)
{
    static const char *const known[] = {"/dev/null", "/dev/zero",    "/dev/full", "/dev/random",
                                        "/dev/tty",  "/dev/urandom", "/dev/pts/", "/dev/ptmx",
                                        "/dev/shm/", "/dev/console"};
    size_t i;

    for (i = 0; i < sizeof known / sizeof *known; i++)
        if (cr_str_starts(path, known[i]))
            return 1;
    return !cr_str_starts(path, "/dev/");
}

/* Adapters are driven from this process through device files. */
static void look_at_devices(void)
{
    size_t i, count = cr_lower_fds_copy(open_fds, FDS_MAX);

    for (i = 0; i < count && i < FDS_MAX; i++) {
        char link[32], path[128];
        struct stat st;
        ssize_t length;

        if (fstat(open_fds[i], &st) < 0 || !S_ISCHR(st.st_mode))
            continue;
        cr_fmt(link, sizeof link, "/proc/self/fd/%d", open_fds[i]);
        length = readlink(link, path, sizeof path - 1);
        if (length < 0)
            continue;
        path[length] = '\0';
        if (!is_harmless(path))
            untried(path);
    }
}

int cr_lower_transport_look(struct cr_error *err)
{
    int rc = check_caches(err);

    cr_lower->transport[0] = '\0';
    cr_lower->forgets_matched = 0;
    if (rc < 0)
        return rc;
    look_at_devices();
    if (cr_lower->transport[0] == '\0')
        look_at_components();
    return 0;
}
