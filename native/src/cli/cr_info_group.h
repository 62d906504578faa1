/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. What cr_info prints about a checkpoint of several processes, before and behind their images. */
#ifndef CR_INFO_GROUP_H
#define CR_INFO_GROUP_H

#include "cr_info.h"
#include "cr_manifest.h"

struct cr_info_group {
    const char *path;
    const struct cr_manifest *manifest;
    const struct cr_info_options *options;
};

void cr_info_group_begin(FILE *out, const struct cr_info_group *group);
void cr_info_group_end(FILE *out, const struct cr_info_group *group);

#endif
