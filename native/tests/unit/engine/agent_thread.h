/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The agent leads stops elsewhere; in tests of stops the main thread does, and leaves the agent alone. */
#ifndef AGENT_THREAD_H
#define AGENT_THREAD_H

#include <stdio.h>
#include <string.h>

static inline int is_agent(int tid)
{
    char path[64];
    char name[32] = "";
    FILE *file;

    snprintf(path, sizeof(path), "/proc/self/task/%d/comm", tid);
    file = fopen(path, "re");
    if (file == NULL)
        return 0;
    if (fgets(name, sizeof(name), file) == NULL)
        name[0] = '\0';
    fclose(file);
    return strcmp(name, "cr-agent\n") == 0;
}

#endif
