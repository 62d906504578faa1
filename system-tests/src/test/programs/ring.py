# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
"""
mpi4py, which asks for MPI_THREAD_MULTIPLE: a ring of ranks with a vector type, persistent requests, pickled objects on
a split communicator, a window, and an operation written in Python. usage: ring.py STEPS; prints "step N" and, at the end, what each
rank has computed.
"""
import sys
import zlib
from array import array

from mpi4py import MPI


def largest(a, b, _):
    """Byte by byte."""
    b[:] = bytes(max(pair) for pair in zip(bytes(a), bytes(b)))


def main():
    steps = int(sys.argv[1])
    world = MPI.COMM_WORLD
    rank, size = world.Get_rank(), world.Get_size()
    half = world.Split(rank % 2, -rank)
    every_second = MPI.DOUBLE.Create_vector(4, 1, 2).Commit()
    operation = MPI.Op.Create(largest, commute=True)
    window = MPI.Win.Allocate(8, comm=world)
    cells, got, top = array("d", [rank + i / 8 for i in range(8)]), array("d", [0.0] * 8), bytearray(8)
    right, left = (rank + 1) % size, (rank - 1) % size
    requests = [world.Recv_init([got, 1, every_second], left, 3), world.Send_init([cells, 1, every_second], right, 3)]
    crc = 0
    for step in range(1, steps + 1):
        MPI.Prequest.Startall(requests)
        MPI.Request.Waitall(requests)
        for i in range(0, 8, 2):
            cells[i] = (cells[i] + got[i]) / 2 + step % 3
        crc = zlib.crc32(repr(half.allgather({"rank": rank, "cell": cells[0]})).encode(), crc)
        window.Lock(right)
        window.Put([cells, 1, MPI.DOUBLE], right)
        window.Unlock(right)
        world.Allreduce([cells[2:3].tobytes(), MPI.BYTE], [top, MPI.BYTE], operation)
        crc = zlib.crc32(top, crc)
        if step % 500 == 0 and rank == 0:
            print("step", step, flush=True)
    world.Barrier()
    crc = zlib.crc32(bytes(window.tomemory()), crc)
    everybody = world.gather(crc)
    if rank == 0:
        print("result", everybody, flush=True)


main()
