/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each state is entered for certain by rank 1 (and the others), and a checkpoint is taken while it lasts: rank 0 is late,
 * asks for the checkpoint, and goes on only when it is over. In the states of collectives rank 0 goes on as soon as the
 * checkpoint has begun, because such a checkpoint converges only when the late rank arrives.
 *
 *     states [NAME...]      all, or the named ones; --list prints the names
 */
#include "states.h"

#include "qt_states.h"

MPI_Comm comm; /* a duplicate of the world */
int number;    /* of the checkpoint asked for */
int big[BIG], into[BIG];
MPI_Status status;

/* Rank 0: the others are in the state by now; have the checkpoint taken. */
void late(void)
{
    qt_compute(0.03);
    qt_make("want", number);
    qt_until("done", number);
}

/* The same, but return when the checkpoint has begun. */
void late_for_a_collective(void)
{
    qt_compute(0.03);
    qt_make("want", number);
    qt_until("begun", number);
    qt_compute(0.05);
}

void send_int(int value, int to, int tag)
{
    MPI_Send(&value, 1, MPI_INT, to, tag, comm);
}

int receive_int(int from, int tag)
{
    int value = -1;

    MPI_Recv(&value, 1, MPI_INT, from, tag, comm, &status);
    return value;
}

/* All ranks leave a state together, by point-to-point messages, so that no collective disturbs it. */
void leave(void)
{
    int i;

    if (qt_rank == 0)
        for (i = 1; i < qt_size; i++)
            send_int(0, i, 77);
    else
        receive_int(0, 77);
}

/* Rank 0 is late, and nobody goes on to a collective before it. */
void late_before_a_collective(void)
{
    if (qt_rank == 0)
        late();
    leave();
}

void check_big(const char *what)
{
    QT_CHECK(memcmp(into, big, sizeof(big)) == 0, "%s: data", what);
}

static const struct qt_state states[] = {
    {"recv", recv_specific},
    {"recv-any-big", recv_any_big},
    {"ssend-unmatched", ssend_unmatched},
    {"send-rendezvous", send_rendezvous},
    {"unexpected-order", unexpected_order},
    {"waitall", waitall},
    {"waitany", waitany},
    {"waitsome", waitsome},
    {"test-family", test_family},
    {"status-of-drained", status_of_drained},
    {"probe", probe},
    {"iprobe-test", iprobe_and_test},
    {"mprobe-held", mprobe_held},
    {"self-nobody", self_and_nobody},
    {"zero-bytes", zero_bytes},
    {"strided", strided},
    {"strided-posted", strided_posted},
    {"truncated", truncated},
    {"bsend", bsend},
    {"rsend", rsend},
    {"persistent", persistent},
    {"cancelled", cancelled},
    {"freed-active", freed_while_active},
    {"sendrecv", sendrecv},
    {"sendrecv-received", sendrecv_received},
    {"barrier-early", barrier_early},
    {"bcast-root-ahead", bcast_root_ahead},
    {"iallreduce-all", iallreduce_all},
    {"iallreduce-some", iallreduce_some},
    {"split-half-entered", split_half_entered},
    {"communicators", communicators},
    {"cartesian", cartesian},
    {"derived-types", derived_types},
    {"user-operation", user_operation},
    {"operation-of-thread", operation_of_thread},
    {"attributes", attributes},
    {"error-handlers", error_handlers},
    {"ssend-exact", ssend_exact},
    {"ssend-blocking", ssend_blocking},
    {"ssend-held", ssend_held},
    {"ssend-freed", ssend_freed},
    {"persistent-collectives", persistent_collectives},
    {"persistent-some-started", persistent_some_started},
    {"generalized", generalized},
    {"datatypes-in-flight", datatypes_in_flight},
    {"statuses", statuses},
    {"cancelled-before", cancelled_before},
    {"freed-receives", freed_receives},
    {"nobody-and-nothing", nobody_and_nothing},
    {"huge-messages", huge_messages},
    {"generalized-among-others", generalized_among_others},
};
enum { STATES = sizeof(states) / sizeof(*states) };

static void play(int i)
{
    int k;

    MPI_Barrier(MPI_COMM_WORLD);
    number = i + 1;
    for (k = 0; k < BIG; k++)
        big[k] = number * 1000 + k;
    memset(into, 0, sizeof(into));
    states[i].run();
    leave();
}

int main(int argc, char **argv)
{
    return qt_main(argc, argv, states, STATES, play, &comm);
}
