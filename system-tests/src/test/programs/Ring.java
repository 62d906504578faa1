// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

import java.nio.DoubleBuffer;
import mpi.CartComm;
import mpi.Comm;
import mpi.Datatype;
import mpi.Intracomm;
import mpi.MPI;
import mpi.Prequest;
import mpi.ShiftParms;

/**
 * Open MPI's Java bindings: a ring of ranks with a vector type, persistent requests, split and Cartesian communicators. usage: Ring
 * STEPS; prints "step N" and, at the end, what all ranks have computed.
 */
public final class Ring {
    private Ring() {}

    public static void main(String[] args) throws Exception {
        MPI.Init(args);
        Intracomm world = MPI.COMM_WORLD;
        int rank = world.getRank();
        Comm half = world.split(rank % 2, -rank);
        CartComm ring = world.createCart(new int[] {world.getSize()}, new boolean[] {true}, false);
        ShiftParms next = ring.shift(0, 1);
        Datatype everySecond = Datatype.createVector(4, 1, 2, MPI.DOUBLE);
        everySecond.commit();
        DoubleBuffer cells = MPI.newDoubleBuffer(8);
        DoubleBuffer got = MPI.newDoubleBuffer(8);
        for (int i = 0; i < 8; i++) {
            cells.put(i, rank + i / 8.0);
        }
        Prequest receive = ring.recvInit(got, 1, everySecond, next.getRankSource(), 3);
        Prequest send = ring.sendInit(cells, 1, everySecond, next.getRankDest(), 3);
        long hash = 0;
        for (long step = 1; step <= Long.parseLong(args[0]); step++) {
            receive.start();
            send.start();
            send.waitFor();
            receive.waitFor();
            for (int i = 0; i < 8; i += 2) {
                cells.put(i, (cells.get(i) + got.get(i)) / 2 + step % 3);
            }
            double[] top = {cells.get(2)};
            half.allReduce(top, 1, MPI.DOUBLE, MPI.MAX);
            hash = hash * 31 + (long) (top[0] * 1024);
            if (step % 500 == 0 && rank == 0) {
                System.out.println("step " + step);
            }
        }
        long[] all = {hash};
        world.allReduce(all, 1, MPI.LONG, MPI.BXOR);
        if (rank == 0) {
            System.out.println("result " + all[0]);
        }
        MPI.Finalize();
    }
}
