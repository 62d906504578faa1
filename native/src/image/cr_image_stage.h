/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. Memory through which page data goes to the file: what is hashed there is what is written, even where
 * the memory of the image changes meanwhile. It is a file in memory, so that the kernel copies into it and says where
 * memory cannot be read, instead of a signal.
 */
#ifndef CR_IMAGE_STAGE_H
#define CR_IMAGE_STAGE_H

#include <stdint.h>

struct cr_image_stage {
    int fd;
    uint8_t *memory;
    uint64_t size;
};

/*
 * A piece for each of COUNT workers, but not more than DATA_SIZE, which the limit on file sizes must allow anyway. Returns
 * 0 or -errno.
 */
int cr_image_stage_open(struct cr_image_stage *stage, int count, uint64_t data_size);

void cr_image_stage_close(struct cr_image_stage *stage);

#endif
