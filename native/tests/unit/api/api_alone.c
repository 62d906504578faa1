/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program for libraries.sh. Not linked with -lcr: "dlsym" says whether cr_init() is there, "dlopen" calls it from a library
 * opened at run time and registers a callback. Linked with it, "callback" does the same; with "fails" or "exits" the callback ends
 * a restart.
 */
#include <libcr.h>

#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fails, exits;
static volatile int runs;

static int (*checkpoint)(int);

static int callback(void *unused)
{
    (void)unused;
    runs++;
    if (checkpoint(0) <= 0)
        return 0;
    if (exits)
        exit(3);
    return fails;
}

static int count_agents(void)
{
    DIR *tasks = opendir("/proc/self/task");
    const struct dirent *entry;
    int count = 0;

    while ((entry = readdir(tasks)) != NULL) {
        char path[300];
        char name[32] = "";
        FILE *file;
        snprintf(path, sizeof(path), "/proc/self/task/%s/comm", entry->d_name);
        file = fopen(path, "re");
        if (file != NULL && fgets(name, sizeof(name), file) != NULL)
            count += strcmp(name, "cr-agent\n") == 0;
        if (file != NULL)
            fclose(file);
    }
    closedir(tasks);
    return count;
}

/* What the program was given, and what it is to find in LIBRARY (NULL: everywhere). */
static int use(void *library)
{
    int (*init)(void) = (int (*)(void))dlsym(library, "cr_init");
    int (*add)(cr_callback_t, void *, int) =
        (int (*)(cr_callback_t, void *, int))dlsym(library, "cr_register_callback");

    int (*status)(void) = (int (*)(void))dlsym(library, "cr_status");

    checkpoint = (int (*)(int))dlsym(library, "cr_checkpoint");
    if (init == NULL || add == NULL || checkpoint == NULL || status == NULL || init() < 0 ||
        add(callback, NULL, CR_THREAD_CONTEXT) < 0)
        return 1;
    printf("agents %d\n", count_agents());
    fflush(stdout);
    for (int i = 0; i < 3000 && runs == 0; i++)
        usleep(10000);
    /* Whoever asked for the checkpoint has it only then. */
    for (int i = 0; i < 3000 && status() != CR_STATE_IDLE; i++)
        usleep(10000);
    printf("runs %d\n", runs);
    fflush(stdout);
    return runs == 1 ? 0 : 1;
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";

    if (strcmp(mode, "dlsym") == 0) {
        printf("cr_init %s\n", dlsym(RTLD_DEFAULT, "cr_init") != NULL ? "there" : "not there");
        return 0;
    }
    if (strcmp(mode, "dlopen") == 0 && argc > 2)
        return use(dlopen(argv[2], RTLD_NOW | RTLD_LOCAL));
    fails = strcmp(mode, "fails") == 0;
    exits = strcmp(mode, "exits") == 0;
    return use(RTLD_DEFAULT);
}
