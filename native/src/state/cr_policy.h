/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen; the setters are called by normal code. What of this process goes into an image: what the program has
 * said (libcr_ext.h), and what the one who asks for the checkpoint says.
 *
 * A rule for memory: [zero:|drop:|keep:]MAPPING, "zero:" if none is given. MAPPING is START-END (hexadecimal), size>N
 * with K, M, G or T behind N, or the name of a mapping as in /proc/PID/maps, in which * stands for any characters.
 * A rule for files: reference:|contents:|check:PATTERN, a path in which * stands for any characters.
 */
#ifndef CR_POLICY_H
#define CR_POLICY_H

#include "cr_error.h"

#include <stddef.h>
#include <stdint.h>

/* Changed by libcr_ext.h's functions, which may be another library's than the agent; see cr_agent.h. */
#define CR_POLICY_EXPORT __attribute__((visibility("default")))

enum cr_policy_kind { CR_KEEP, CR_ZERO, CR_DROP };

/* Why memory is left out, as in LeftOut. */
enum cr_policy_reason {
    CR_LEFT_DONTDUMP,
    CR_LEFT_FREED,
    CR_LEFT_PROGRAM,
    CR_LEFT_REQUEST,
    CR_LEFT_REASONS
};

/* What is done with open regular files, and which mapped files' contents are stored: as in wire.proto. */
enum cr_policy_files { CR_FILES_REFERENCE, CR_FILES_CONTENTS, CR_FILES_CHECK };
enum { CR_SAVE_EXECUTABLE = 1, CR_SAVE_PRIVATE = 2, CR_SAVE_SHARED = 4 };

struct cr_policy_range {
    uint64_t start;
    uint64_t end;
    uint32_t policy;
    uint32_t reserved;
};

#define CR_POLICY_NAME 256

struct cr_policy_rule {
    uint32_t policy;
    uint32_t reserved;
    uint64_t start; /* end != 0: an address range */
    uint64_t end;
    uint64_t larger_than; /* not 0: a size */
    char name[CR_POLICY_NAME];
};

struct cr_policy_path {
    uint32_t policy; /* cr_policy_files */
    char pattern[CR_POLICY_NAME];
};

/* Of the checkpoint in progress; texts are rules, one a line. */
struct cr_policy_request {
    uint32_t save;  /* CR_SAVE_* */
    uint32_t files; /* cr_policy_files */
    int keep_dontdump;
    int group; /* several processes are saved together */
    const char *rules;
    const char *paths;
};

/* Parses a rule that ends at LENGTH. Returns 0, or -CR_EUSAGE with the grammar in ERR. */
int cr_policy_parse_rule(const char *text, size_t length, struct cr_policy_rule *ret_rule,
                         struct cr_error *err);
int cr_policy_parse_path(const char *text, size_t length, struct cr_policy_path *ret_path,
                         struct cr_error *err);

/* Does NAME match PATTERN, in which * stands for any characters? */
int cr_policy_matches(const char *pattern, const char *name);

/*
 * By the program, by any thread: [START, END) is treated by POLICY; what was said about it before is forgotten. CR_KEEP
 * is kept as such: it outweighs MADV_DONTDUMP and rules for whole mappings. Returns 0, or -ENOSPC if there are too many.
 */
CR_POLICY_EXPORT int cr_policy_set_range(uint64_t start, uint64_t end, uint32_t policy);
/* Forgets what was said about [START, END). */
CR_POLICY_EXPORT int cr_policy_forget_range(uint64_t start, uint64_t end);
CR_POLICY_EXPORT int cr_policy_add_rule(const struct cr_policy_rule *rule);
CR_POLICY_EXPORT int cr_policy_add_path(const struct cr_policy_path *path);
CR_POLICY_EXPORT int cr_policy_set_descriptor(int fd, uint32_t policy);

/* By the agent: for the checkpoint that begins. Returns 0, or -CR_EUSAGE. */
int cr_policy_begin(const struct cr_policy_request *request, struct cr_error *err);
void cr_policy_end(void);

/* With all threads parked. Ranges ascend and do not overlap. */
size_t cr_policy_ranges(const struct cr_policy_range **ret_ranges);
/* The policy that rules give the mapping, or -1; those of the request come first, and of each the last one that fits. RET_REASON: whose rule it was. */
int cr_policy_of_mapping(uint64_t start, uint64_t end, const char *name,
                         enum cr_policy_reason *ret_reason);
/* The policy for the file PATH that is open as FD (-1: not open). */
uint32_t cr_policy_of_file(const char *path, int fd);
/* CR_SAVE_* */
uint32_t cr_policy_save(void);
int cr_policy_keeps_dontdump(void);
int cr_policy_is_group(void);

#endif
