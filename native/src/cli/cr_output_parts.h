/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. The inside of an output; private to the files cr_output*.c. */
#ifndef CR_OUTPUT_PARTS_H
#define CR_OUTPUT_PARTS_H

#include "cr_output.h"

#define CR_OUTPUT_IMAGE_MODE 0400

/* "NAME: words of CODE". Returns -CODE. */
int cr_output_failed(int code, const char *name, struct cr_error *err);

/* NAME made absolute, behind all symbolic links if it exists. OUT holds PATH_MAX. */
int cr_output_resolve(const char *name, char *out, struct cr_error *err);

/* FOLDER (NULL: that of PATH) and the temporary name for what PATH is called. OUT holds PATH_MAX. */
int cr_output_name_work(char *out, const char *path, const char *folder, struct cr_error *err);

/* The name for a backup of what is called O->name. OUT holds PATH_MAX. */
int cr_output_name_backup(const struct cr_output *o, char *out, struct cr_error *err);

/* If it is wanted, waits until the folder of NAME is on disk. */
int cr_output_sync_folder(const struct cr_output *o, const char *name, struct cr_error *err);

/* The three steps of a directory. */
int cr_output_open_directory(struct cr_output *o, struct cr_error *err);
int cr_output_commit_directory(struct cr_output *o, struct cr_error *err);
void cr_output_discard_directory(struct cr_output *o);

#endif
