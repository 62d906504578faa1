/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The C++ binding (libmpi_cxx) on the stub: operations, attributes and error handlers in C++. */
#include <cstdio>
#include <mpi.h>

static int handled;

static void add(const void *in, void *inout, int length, const MPI::Datatype &type)
{
    const int *a = static_cast<const int *>(in);
    int *b = static_cast<int *>(inout);

    if (type != MPI::INT)
        std::printf("another type\n");
    for (int i = 0; i < length; i++)
        b[i] += a[i];
}

static void handler(MPI::Comm &comm, int *rc, ...)
{
    handled = *rc + 100 * comm.Get_size();
}

int main(int argc, char **argv)
{
    int sum = 0, value = 7;
    void *seen = 0;

    MPI::Init(argc, argv);
    int rank = MPI::COMM_WORLD.Get_rank(), size = MPI::COMM_WORLD.Get_size();
    MPI::Op op;
    op.Init(add, true);
    MPI::COMM_WORLD.Allreduce(&rank, &sum, 1, MPI::INT, op);
    MPI::Intracomm twin = MPI::COMM_WORLD.Dup();
    MPI::Errhandler errhandler = MPI::Comm::Create_errhandler(handler);
    twin.Set_errhandler(errhandler);
    twin.Send(&rank, 1, MPI::INT, size + 4, 1);
    int key = MPI::Comm::Create_keyval(MPI::Comm::DUP_FN, MPI::Comm::NULL_DELETE_FN, 0);
    twin.Set_attr(key, &value);
    MPI::Intracomm third = twin.Dup();
    bool found = third.Get_attr(key, &seen);
    std::printf("%d: sum %d handled %d attribute %d %d\n", rank, sum, handled, found, seen == &value);
    third.Free();
    twin.Free();
    op.Free();
    MPI::Finalize();
    return 0;
}
