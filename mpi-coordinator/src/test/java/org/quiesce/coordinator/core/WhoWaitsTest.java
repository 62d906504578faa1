// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.core;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.BitSet;
import java.util.List;
import org.junit.jupiter.api.Test;

class WhoWaitsTest {
    private static final List<RankRange> ALL = List.of(new RankRange(0, 3));

    private final WhoWaits waits = new WhoWaits();

    private static RankCall receive() {
        return new RankCall("MPI_Recv", "", new GroupId(0, 0), List.of(), false);
    }

    private static RankCall barrier(long id, boolean held) {
        return new RankCall("MPI_Barrier", "communicator " + id, new GroupId(0, id), ALL, held);
    }

    private void add(int rank, List<RankCall> calls, int... messagesOf) {
        List<RankRange> ranges = java.util.Arrays.stream(messagesOf)
                .mapToObj(other -> new RankRange(other, other))
                .toList();
        waits.add(rank, calls, ranges, new BitSet());
    }

    @Test
    void aCollectiveWaitsForThoseThatAreNotInIt() {
        add(0, List.of(barrier(1, false)));
        add(1, List.of(barrier(1, false)));
        add(2, List.of(barrier(1, true)));
        add(3, List.of());
        assertThat(waits.describe(0)).isEqualTo("in MPI_Barrier on communicator 1, waits for ranks 2-3");
        assertThat(waits.describe(2)).isEqualTo("held before MPI_Barrier on communicator 1");
        assertThat(waits.describe(3)).isEqualTo("outside of MPI");
        assertThat(waits.circle()).isEmpty();
    }

    @Test
    void theShortestCircleIsFound() {
        add(0, List.of(receive()), 1);
        add(1, List.of(receive()), 2, 3);
        add(2, List.of(receive()), 0);
        add(3, List.of(barrier(1, false)));
        assertThat(waits.describe(1)).isEqualTo("in MPI_Recv, waits for ranks 2-3");
        assertThat(waits.circle()).containsExactly(1, 3, 1);
    }

    @Test
    void severalThreadsWaitAtOnce() {
        add(0, List.of(receive(), barrier(2, false)), 3);
        add(1, List.of(barrier(2, false)));
        assertThat(waits.describe(0))
                .isEqualTo("in MPI_Recv and in MPI_Barrier on communicator 2, waits for ranks 2-3");
        assertThat(waits.describe(7)).isEqualTo("outside of MPI");
    }

    @Test
    void whoWaitsForARequestOfACollectiveWaitsForThoseThatHaveNotBegunIt() {
        BitSet late = new BitSet();
        late.set(2);
        waits.add(0, List.of(new RankCall("MPI_Wait", "", new GroupId(0, 0), List.of(), false)), List.of(), late);
        assertThat(waits.describe(0)).isEqualTo("in MPI_Wait, waits for rank 2");
    }
}
