// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.agent;

import java.util.List;

/** Where the crnode of a host listens; the addresses are numeric and tried in turn. */
public record NodeAddress(String host, List<String> addresses, int port) {
    /** Copies the list. */
    public NodeAddress {
        addresses = List.copyOf(addresses);
    }
}
