// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
//
// The C++ bindings: a ring of ranks with a vector type, persistent requests, an operation and an attribute of its own, split and
// Cartesian communicators, and exceptions. usage: ring STEPS; prints "step N" and, at the end, what all ranks have computed.
#include <mpi.h>

#include <cstdint>
#include <cstdlib>
#include <iostream>

namespace {

const int CELLS = 8;

void largest(const void *in, void *inout, int count, const MPI::Datatype &)
{
    const auto *from = static_cast<const double *>(in);
    auto *to = static_cast<double *>(inout);

    for (int i = 0; i < count; i++)
        to[i] = from[i] > to[i] ? from[i] : to[i];
}

int doubled(const MPI::Comm &, int, void *, void *value, void *copy, bool &flag)
{
    *static_cast<void **>(copy) = reinterpret_cast<void *>(2 * reinterpret_cast<intptr_t>(value));
    flag = true;
    return MPI::SUCCESS;
}

int kept(MPI::Comm &, int, void *, void *)
{
    return MPI::SUCCESS;
}

bool throws_on_bad_rank(MPI::Intracomm &comm)
{
    int x = 0;

    try {
        comm.Send(&x, 1, MPI::INT, comm.Get_size() + 1, 0);
    } catch (const MPI::Exception &e) {
        return e.Get_error_class() == MPI::ERR_RANK;
    }
    return false;
}

std::uint64_t mix(std::uint64_t hash, std::uint64_t value)
{
    return (hash ^ value) * 0x100000001b3UL;
}

} // namespace

int main(int argc, char **argv)
{
    MPI::Init(argc, argv);
    MPI::Intracomm &world = MPI::COMM_WORLD;
    const int rank = world.Get_rank();
    const int size = world.Get_size();
    const long steps = argc > 1 ? std::atol(argv[1]) : 100;
    const int dims[1] = {size};
    const bool periods[1] = {true};
    MPI::Intracomm half = world.Split(rank % 2, -rank);
    MPI::Cartcomm ring = world.Create_cart(1, dims, periods, false);
    MPI::Datatype every_second = MPI::DOUBLE.Create_vector(CELLS / 2, 1, 2);
    MPI::Op op;
    const int key = MPI::Comm::Create_keyval(doubled, kept, nullptr);
    double cells[CELLS], got[CELLS] = {};
    int left, right;
    std::uint64_t hash = 0xcbf29ce484222325UL;

    world.Set_errhandler(MPI::ERRORS_THROW_EXCEPTIONS);
    every_second.Commit();
    op.Init(largest, true);
    half.Set_attr(key, reinterpret_cast<void *>(static_cast<intptr_t>(rank + 1)));
    ring.Shift(0, 1, left, right);
    for (int i = 0; i < CELLS; i++)
        cells[i] = rank + i / 8.0;
    MPI::Prequest requests[2] = {ring.Send_init(cells, 1, every_second, right, 3),
                                 ring.Recv_init(got, 1, every_second, left, 3)};
    for (long step = 1; step <= steps; step++) {
        double top = 0;
        MPI::Prequest::Startall(2, requests);
        MPI::Request::Waitall(2, requests);
        for (int i = 0; i < CELLS; i += 2)
            cells[i] = (cells[i] + got[i]) / 2 + static_cast<double>(step % 3);
        half.Allreduce(&cells[2], &top, 1, MPI::DOUBLE, op);
        hash = mix(hash, static_cast<std::uint64_t>(top * 1024));
        if (step % 1000 == 0) {
            MPI::Intracomm copy = half.Dup();
            void *value = nullptr;
            copy.Get_attr(key, &value);
            hash = mix(hash, reinterpret_cast<std::uint64_t>(value) + throws_on_bad_rank(world));
            copy.Free();
        }
        if (step % 500 == 0 && rank == 0)
            std::cout << "step " << step << std::endl;
    }
    std::uint64_t all = 0;
    world.Allreduce(&hash, &all, 1, MPI::UNSIGNED_LONG, MPI::BXOR);
    for (MPI::Prequest &request : requests)
        request.Free();
    if (rank == 0)
        std::cout << "result " << all << std::endl;
    MPI::Finalize();
    return 0;
}
