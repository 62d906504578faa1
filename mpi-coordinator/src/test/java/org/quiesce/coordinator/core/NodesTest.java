// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.quiesce.cr.CrException;

class NodesTest {
    private final Nodes nodes = new Nodes(3);

    private static Event.NodeConnected node(int node, Integer... ranks) {
        List<RankMember> members = Arrays.stream(ranks)
                .map(rank -> new RankMember(rank, 1000 + rank, true, false))
                .toList();
        return new Event.NodeConnected(node, "host" + node, members, List.of());
    }

    @Test
    void aNodeThatSpeaksAgainReplacesWhatItHasSaid() {
        nodes.add(node(0));
        nodes.add(node(0, 1));
        nodes.add(node(1, 2));
        assertThat(nodes.complete()).isFalse();
        nodes.add(node(0, 1, 0));
        assertThat(nodes.complete()).isTrue();
        assertThat(nodes.hostsByRank()).containsExactly("host0", "host0", "host1");
    }

    @Test
    void aRankThatHasGoneMeanwhileIsMissing() {
        nodes.add(node(0, 0, 1, 2));
        nodes.add(node(0, 0, 2));
        assertThat(nodes.complete()).isFalse();
        assertThat(nodes.missing(3)).containsExactly(1);
    }

    @Test
    void twoNodesCannotHaveOneRank() {
        nodes.add(node(0, 0));
        assertThatThrownBy(() -> nodes.add(node(1, 0, 1))).isInstanceOf(CrException.class);
    }
}
