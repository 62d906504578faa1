/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Feeds each file of the folders named to a fuzz target once: the corpus as an ordinary test. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
    static uint8_t data[1 << 20];
    FILE *file = fopen(path, "rb");
    size_t size;

    if (file == NULL) {
        perror(path);
        return 1;
    }
    size = fread(data, 1, sizeof(data), file);
    fclose(file);
    LLVMFuzzerTestOneInput(data, size);
    return 0;
}

static int replay_folder(const char *folder, int *count)
{
    DIR *directory = opendir(folder);
    struct dirent *entry;
    int failed = 0;

    if (directory == NULL) {
        perror(folder);
        return 1;
    }
    while ((entry = readdir(directory)) != NULL) {
        char path[4096];

        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        failed |= replay_file(path);
        ++*count;
    }
    closedir(directory);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0;
    int count = 0;

    for (int i = 1; i < argc; i++)
        failed |= replay_folder(argv[i], &count);
    printf("1..1\n%sok 1 - %d inputs replayed\n", failed || count == 0 ? "not " : "", count);
    return failed || count == 0;
}
