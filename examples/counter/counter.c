/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts to N, one line each, PAUSE milliseconds apart, into a file. A process that knows nothing of checkpoints: killed
 * and restarted, the file holds every number exactly once.
 *
 * usage: counter FILE N PAUSE_MS
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void pause_ms(long ms)
{
    struct timespec t = {ms / 1000, (ms % 1000) * 1000000};

    nanosleep(&t, NULL);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: %s FILE N PAUSE_MS\n", argv[0]);
        return 2;
    }
    long last = strtol(argv[2], NULL, 10);
    long pause = strtol(argv[3], NULL, 10);
    FILE *out = fopen(argv[1], "w");
    if (out == NULL) {
        perror(argv[1]);
        return 1;
    }
    for (long i = 1; i <= last; i++) {
        fprintf(out, "%ld\n", i);
        fflush(out);
        pause_ms(pause);
    }
    return fclose(out) == 0 ? 0 : 1;
}
