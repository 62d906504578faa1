/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Where the parts of one job meet. The job directory, seen by all its nodes (shared file system), holds the key
 * and one record per node:
 *     key            64 hexadecimal digits and a newline: the job's 256-bit key, mode 0600
 *     node-HOST.pb   quiesce.wire.NodeRecord: where the crnode of HOST listens
 * The run directory, local to a node, below /tmp/quiesce-UID, holds crnode's Unix socket and what a new crnode needs:
 *     node.sock  ranks connect here       start.lock  held while somebody starts crnode
 *     node.log   what crnode has to say   node.lock   held by crnode as long as it lives
 *     ranks      who is registered, as text: rank, pid, start time, generation
 * Both are the user's own, mode 0700. A directory of someone else, or a symbolic link in its place, is refused.
 */
#ifndef CR_JOB_DIR_H
#define CR_JOB_DIR_H

#include "cr_error.h"
#include "wire.pb.h"

#include <stddef.h>
#include <stdint.h>

#define CR_JOB_KEY_SIZE 32

struct cr_job_dir {
    char directory[512]; /* absolute */
    char run[256];       /* absolute; node.sock in it fits into a socket address */
    char job[128];       /* what a person calls the job */
};

/*
 * Names the job of the calling process, making nothing: QUIESCE_JOB_DIR, or else
 * ${QUIESCE_HOME:-$HOME/.quiesce}/jobs/ID-HASH, where all ranks of one launch by mpirun or srun come to the same ID and HASH.
 * The job's name is QUIESCE_JOB, or else ID. Returns 0, or -CR_EUSAGE when there is no home or a path is too long.
 */
int cr_job_dir_find(struct cr_job_dir *ret_dir, struct cr_error *err);

/* The same for DIRECTORY (absolute). RUN: the run directory, or NULL for the usual one. The job's name is left empty. */
int cr_job_dir_at(struct cr_job_dir *ret_dir, const char *directory, const char *run,
                  struct cr_error *err);

/* Makes both directories and the key where they are missing, and checks that they are ours alone. Many processes may do
 * so at once. Returns 0, -CR_EPERMISSION, or -errno. */
int cr_job_dir_create(const struct cr_job_dir *dir, struct cr_error *err);

/* Makes and checks the run directory only. */
int cr_job_dir_create_run(const struct cr_job_dir *dir, struct cr_error *err);

/* Reads the key. Returns 0, -ENOENT, -CR_EPERMISSION (others may read it) or -CR_EPROTOCOL (not a key). */
int cr_job_dir_read_key(const struct cr_job_dir *dir, uint8_t ret_key[CR_JOB_KEY_SIZE],
                        struct cr_error *err);

/* Puts RECORD into place as node-HOST.pb, at once for every reader. HOST is record->host. */
int cr_job_dir_write_node(const struct cr_job_dir *dir, const quiesce_wire_NodeRecord *record,
                          struct cr_error *err);

/* Reads node-HOST.pb. Returns 0, -ENOENT, or -CR_EPROTOCOL. */
int cr_job_dir_read_node(const struct cr_job_dir *dir, const char *host,
                         quiesce_wire_NodeRecord *ret_record, struct cr_error *err);

/*
 * The end of this node's part: removes node-HOST.pb, the run directory with what crnode put there, and, when nothing else is
 * left, the job directory with its key and what was said of checkpoints. (`quiesce run` keeps a record of its own there, and
 * removes the directory itself.)
 */
void cr_job_dir_remove(const struct cr_job_dir *dir, const char *host);

/*
 * Removes what dead jobs left beside DIR: sibling directories whose only record is of HOST and whose crnode and launcher no
 * longer run. Returns how many were removed.
 */
int cr_job_dir_sweep(const struct cr_job_dir *dir, const char *host);

/* PATH = DIRECTORY/NAME. Returns 0, or -ENAMETOOLONG. */
int cr_job_dir_path(const char *directory, const char *name, char *ret_path, size_t size);

/* The start time of PID (field 22 of /proc/PID/stat), 0 when there is no such process: a pid alone may be used again. */
uint64_t cr_job_dir_start_time(int pid);

#endif
