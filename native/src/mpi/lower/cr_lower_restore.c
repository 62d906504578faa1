/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_lower_restore.h"

#include "cr_fmt.h"
#include "cr_lower.h"
#include "cr_lower_break.h"
#include "cr_lower_conditions.h"
#include "cr_lower_environment.h"
#include "cr_lower_fill.h"
#include "cr_lower_hooks.h"
#include "cr_lower_node.h"
#include "cr_lower_page.h"
#include "cr_lower_paths.h"
#include "cr_lower_placeholders.h"
#include "cr_lower_rseq.h"
#include "cr_lower_threads.h"
#include "cr_lower_transport.h"
#include "cr_lower_vdso.h"
#include "cr_restore.h"
#include "cr_sys.h"

#include <errno.h>
#include <limits.h>
#include <mpi.h>
#include <stdlib.h>
#include <string.h>

/* The image of this rank, and what it is compared with. */
struct image {
    char path[PATH_MAX];
    int rank, size; /* as the launcher says; -1: it does not */
    struct cr_restore *restore;
    struct cr_restore_rank note;
    int *fds;
    size_t fd_count;
};

/* The first of NAMES that is set, or FALLBACK. */
static int number_of(const char *const *names, int fallback)
{
    for (; *names != NULL; names++) {
        const char *text = getenv(*names);
        if (text != NULL)
            return (int)cr_parse_u64(&text, 10);
    }
    return fallback;
}

static void ask_launcher(struct image *image)
{
    static const char *const ranks[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK",
                                        "SLURM_PROCID", NULL};
    static const char *const sizes[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_NTASKS", NULL};

    image->rank = number_of(ranks, 0);
    image->size = number_of(sizes, -1);
}

/* In a job with too many ranks the last ones have no image: the first rank's tells why. */
static int explain_missing(const char *folder, struct image *image, struct cr_error *err)
{
    struct cr_error first_error = {0, ""};

    cr_fmt(image->path, sizeof image->path, "%s/rank-0.cr", folder);
    if (image->rank == 0 || cr_restore_open(image->path, 0, &image->restore, &first_error) < 0)
        return -err->code;
    if (cr_restore_rank(image->restore, &image->note, &first_error) == 0 &&
        (uint32_t)image->rank >= image->note.size)
        cr_fail(err, CR_EREFUSED,
                "the checkpoint is of a job of %u ranks, but this is rank %d: start it with -np %u",
                image->note.size, image->rank, image->note.size);
    return -err->code;
}

static int check_place(const struct image *image, int rank, int size, struct cr_error *err)
{
    if (size >= 0 && (uint32_t)size != image->note.size)
        return cr_fail(
            err, CR_EREFUSED,
            "the checkpoint is of a job of %u ranks, but this job has %d: start it with -np %u",
            image->note.size, size, image->note.size);
    if ((uint32_t)rank != image->note.rank)
        return cr_fail(err, CR_EREFUSED, "%s is the image of rank %u, but this is rank %d",
                       image->path, image->note.rank, rank);
    if (image->note.upper_end != CR_UPPER_END)
        return cr_fail(err, CR_EIMAGEVERSION,
                       "%s was written with the halves divided at %lx, here at %lx", image->path,
                       image->note.upper_end, CR_UPPER_END);
    return 0;
}

static int read_image(const char *folder, struct image *image, struct cr_error *err)
{
    const int *fds;
    int rc;

    cr_fmt(image->path, sizeof image->path, "%s/rank-%d.cr", folder, image->rank);
    rc = cr_restore_open(image->path, 0, &image->restore, err);
    if (rc == -ENOENT)
        return explain_missing(folder, image, err);
    if (rc < 0)
        return rc;
    rc = cr_restore_rank(image->restore, &image->note, err);
    if (rc == 0)
        rc = check_place(image, image->rank, image->size, err);
    if (rc == 0)
        rc = cr_restore_check_host(image->restore, err);
    if (rc < 0)
        return rc;
    image->fd_count = cr_restore_descriptors(image->restore, &fds);
    image->fds = malloc((image->fd_count + 1) * sizeof *fds);
    if (image->fds == NULL)
        return cr_fail(err, ENOMEM, "no memory");
    memcpy(image->fds, fds, image->fd_count * sizeof *fds);
    return 0;
}

/* The reader's own descriptor may have a number that the application wants: read again when those
 * are occupied. */
static int open_image(const char *folder, struct image *image, struct cr_error *err)
{
    int rc = read_image(folder, image, err);

    if (rc < 0)
        return rc;
    cr_restore_close(image->restore);
    rc = cr_lower_placeholders_make(image->fds, image->fd_count, err);
    return rc < 0 ? rc : cr_restore_open(image->path, 0, &image->restore, err);
}

static int start_mpi(const struct image *image, struct cr_error *err)
{
    int rank = -1, size = -1, level = -1;
    int wanted = (int)image->note.thread_level;

    cr_lower->environment = cr_lower_environment_of_application();
    if (cr_lower->environment == NULL)
        return cr_fail(err, ENOMEM, "no memory");
    cr_lower_environment_set();
    if (MPI_Init_thread(NULL, NULL, wanted, &level) != MPI_SUCCESS)
        return cr_fail(err, CR_EREFUSED, "MPI_Init_thread failed");
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    if (level < wanted)
        return cr_fail(err, CR_EREFUSED,
                       "the application uses MPI thread level %d, this MPI library offers %d",
                       wanted, level);
    cr_lower->rank = rank;
    cr_lower->size = size;
    cr_lower->thread_level = level;
    cr_lower->mpi_initialized = 1;
    if (cr_lower_transport_look(err) < 0)
        return -err->code;
    return check_place(image, rank, size, err);
}

static int prepare(struct cr_error *err)
{
    int rc = cr_lower_hooks_install(err);

    if (rc == 0)
        rc = cr_lower_threads_start(err);
    if (rc == 0)
        rc = cr_lower_page_make(1, err);
    return rc == 0 ? cr_lower_break_fix(err) : rc;
}

static int start_node(struct cr_error *err)
{
    char version[MPI_MAX_LIBRARY_VERSION_STRING];
    struct cr_lower_paths paths;
    int length, rc = cr_lower_paths_find(&paths, err);

    if (rc < 0)
        return rc;
    MPI_Get_library_version(version, &length);
    version[strcspn(version, ",\n")] = '\0';
    return cr_lower_node_start(paths.node, NULL, version, err);
}

/* All that is mapped belongs to the lower half; then the upper half comes in, then the rest of the
 * addresses is closed. */
static int map_image(struct image *image, struct cr_error *err)
{
    int rc = cr_lower_fill_snapshot(0, err);

    if (rc == 0)
        rc = cr_restore_map(image->restore, err);
    /* Also what the mapping itself needed. */
    if (rc == 0)
        rc = cr_lower_fill_snapshot(CR_UPPER_END, err);
    if (rc == 0)
        rc = cr_lower_fill(err);
    if (rc < 0)
        return rc;
    cr_lower_vdso_found(image->note.fake_vdso);
    /* The upper C library would otherwise move the break to where it was in the dead process. */
    if (image->note.brk_variable != 0)
        *(volatile uint64_t *)image->note.brk_variable = cr_lower->brk;
    return 0;
}

int cr_lower_restore(const char *folder, struct cr_error *err)
{
    static struct image image;
    int rc = prepare(err);

    if (rc < 0)
        return rc;
    ask_launcher(&image);
    rc = open_image(folder, &image, err);
    if (rc == 0)
        rc = start_node(err);
    if (rc == 0)
        rc = start_mpi(&image, err);
    if (rc == 0)
        rc = map_image(&image, err);
    if (rc < 0)
        return rc;
    cr_lower_placeholders_settle(image.fds, image.fd_count);
    cr_lower_rseq_unregister();
    cr_lower_conditions_give_back();
    return cr_restore_run(image.restore, err);
}
