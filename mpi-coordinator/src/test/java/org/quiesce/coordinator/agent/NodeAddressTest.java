// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.quiesce.wire.proto.NodeRecord;

class NodeAddressTest {
    private static final NodeRecord NODE = NodeRecord.newBuilder()
            .setHost("n2")
            .addAllAddress(List.of("127.0.0.1", "10.99.0.2", "::1"))
            .setPort(7)
            .build();

    @Test
    void theLoopbackOfAnotherHostIsNotTried() {
        assertThat(NodeAddress.of(NODE, "n1").addresses()).containsExactly("10.99.0.2");
        assertThat(NodeAddress.of(NODE, "n2").addresses()).containsExactly("127.0.0.1", "10.99.0.2", "::1");
    }

    @Test
    void whoHasNothingElseIsTriedThere() {
        NodeRecord alone =
                NODE.toBuilder().clearAddress().addAddress("127.0.0.1").build();
        assertThat(NodeAddress.of(alone, "n1").addresses()).containsExactly("127.0.0.1");
    }
}
