/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rank 0 sends many messages for which nobody has posted a receive: eager and rendezvous sizes, several communicators and
 * tags. After the checkpoint the others receive with wildcards, probes and exact envelopes, and must get every message
 * exactly once, and those of one communicator and tag in the order of sending.
 */
#include "qt.h"

enum { EACH = 60, COMMS = 3, TAGS = 4, MOST = 200000 };

static const int sizes[] = {0, 1, 100, 1000, 4000, 30000, MOST};
static MPI_Comm comms[COMMS];
static MPI_Request pending[EACH * 64];
static int *buffers[EACH * 64];
static int posted;

static int size_of(int i)
{
    return sizes[(i * 5 + i / 7) % 7];
}

static int value_at(int to, int i, int k)
{
    return to * 1000003 + i * 7919 + k;
}

static void send_all(void)
{
    int to, i, k;

    for (i = 0; i < EACH; i++)
        for (to = 1; to < qt_size; to++) {
            int count = size_of(i), *b = malloc(sizeof(int) * (size_t)(count + 1));

            for (k = 0; k < count; k++)
                b[k] = value_at(to, i, k);
            buffers[posted] = b;
            MPI_Isend(b, count, MPI_INT, to, i % TAGS, comms[i % COMMS], &pending[posted++]);
        }
}

/* Receives the next message on COMM in one of three ways; TAG may be a wildcard. Returns which one it was. */
static int receive_one(int way, int c, int tag, const int *next)
{
    static int buffer[MOST];
    MPI_Status s;
    int count, i, k;

    if (way == 1)
        MPI_Probe(MPI_ANY_SOURCE, tag, comms[c], &s);
    if (way == 1)
        tag = s.MPI_TAG;
    if (way == 2) {
        MPI_Message m;

        MPI_Mprobe(0, tag, comms[c], &m, &s);
        MPI_Mrecv(buffer, MOST, MPI_INT, &m, &s);
    } else {
        MPI_Recv(buffer, MOST, MPI_INT, way ? 0 : MPI_ANY_SOURCE, tag, comms[c], &s);
    }
    MPI_Get_count(&s, MPI_INT, &count);
    /* The i-th in order on this communicator with this tag. */
    for (i = next[s.MPI_TAG]; i < EACH && !(i % COMMS == c && i % TAGS == s.MPI_TAG);)
        i++;
    QT_CHECK(i < EACH && count == size_of(i), "comm %d tag %d: count %d", c, s.MPI_TAG, count);
    for (k = 0; k < count; k++)
        if (buffer[k] != value_at(qt_rank, i, k)) {
            QT_CHECK(0, "message %d differs at %d", i, k);
            break;
        }
    return i;
}

static void receive_all(void)
{
    int c, next[COMMS][TAGS] = {{0}}, left = EACH, at, i;

    for (i = 0; i < EACH; i++) {
        c = (i * 2 + 1) % COMMS;
        at = receive_one(i % 3, c,
                         i % 2                      ? MPI_ANY_TAG
                         : (i * 2 + 1) % COMMS == c ? MPI_ANY_TAG
                                                    : 0,
                         next[c]);
        next[c][at % TAGS] = at + 1;
        left--;
    }
    QT_CHECK(left == 0, "left %d", left);
    for (c = 0; c < COMMS; c++) {
        MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, comms[c], &i, MPI_STATUS_IGNORE);
        QT_CHECK(!i, "one message too many on communicator %d", c);
    }
}

int main(int argc, char **argv)
{
    int i, all;

    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &qt_rank);
    MPI_Comm_size(MPI_COMM_WORLD, &qt_size);
    comms[0] = MPI_COMM_WORLD;
    MPI_Comm_dup(MPI_COMM_WORLD, &comms[1]);
    MPI_Comm_split(MPI_COMM_WORLD, 0, qt_rank, &comms[2]);
    MPI_Barrier(MPI_COMM_WORLD);
    if (qt_rank == 0) {
        send_all();
        qt_make("want", 1);
    }
    qt_until("done", 1);
    if (qt_rank == 0) {
        MPI_Waitall(posted, pending, MPI_STATUSES_IGNORE);
        for (i = 0; i < posted; i++)
            free(buffers[i]);
    } else {
        receive_all();
    }
    MPI_Allreduce(&qt_wrong, &all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    if (qt_rank == 0)
        printf("%s sender\n", all ? "not ok" : "ok");
    MPI_Finalize();
    return all != 0;
}
