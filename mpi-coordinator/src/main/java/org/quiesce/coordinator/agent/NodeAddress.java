// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.agent;

import java.util.List;
import org.quiesce.wire.proto.NodeRecord;

/** Where the crnode of a host listens; the addresses are numeric and tried in turn. */
public record NodeAddress(String host, List<String> addresses, int port) {
    /** Copies the list. */
    public NodeAddress {
        addresses = List.copyOf(addresses);
    }

    /**
     * What a crnode has written down, as it is reached from the host {@code here}: the loopback addresses of another host lead
     * to ourselves, where anybody may listen on that port.
     */
    public static NodeAddress of(NodeRecord node, String here) {
        List<String> all = node.getAddressList();
        List<String> afar = all.stream().filter(address -> !isLoopback(address)).toList();
        boolean own = node.getHost().equals(here) || afar.isEmpty();
        return new NodeAddress(node.getHost(), own ? all : afar, node.getPort());
    }

    private static boolean isLoopback(String address) {
        return address.startsWith("127.") || address.equals("::1");
    }
}
