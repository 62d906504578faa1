/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. */
#include "cr_image_stage.h"

#include "cr_fault.h"
#include "cr_image_writer.h"
#include "cr_sys.h"

#include <errno.h>
#include <linux/memfd.h>
#include <sys/mman.h>

static int map(struct cr_image_stage *stage)
{
    uint64_t at = cr_sys_mmap(0, stage->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
                              stage->fd, 0);

    if (cr_sys_is_error(at))
        return (int)at;
    stage->memory = (uint8_t *)at;
    return 0;
}

int cr_image_stage_open(struct cr_image_stage *stage, int count, uint64_t data_size)
{
    int rc = cr_fault("image:stage");

    *stage = (struct cr_image_stage){.fd = -1, .size = (uint64_t)count * CR_IMAGE_PIECE};
    if (data_size < stage->size)
        stage->size = data_size;
    if (rc < 0 || data_size == 0)
        return rc < 0 ? rc : -EINVAL;
    stage->fd = (int)cr_sys(SYS_memfd_create, "quiesce-stage", MFD_CLOEXEC);
    if (stage->fd < 0)
        return stage->fd;
    /* What there is no memory for is known before a byte is copied. */
    rc = (int)cr_sys(SYS_fallocate, stage->fd, 0, 0, stage->size);
    if (rc == 0)
        rc = map(stage);
    if (rc < 0) {
        cr_sys_close(stage->fd);
        stage->fd = -1;
    }
    return rc;
}

void cr_image_stage_close(struct cr_image_stage *stage)
{
    cr_sys_munmap((uint64_t)stage->memory, stage->size);
    cr_sys_close(stage->fd);
    stage->fd = -1;
}
