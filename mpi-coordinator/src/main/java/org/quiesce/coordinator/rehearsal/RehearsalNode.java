// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.rehearsal;

import org.quiesce.coordinator.agent.FakeCrnode;
import org.quiesce.coordinator.agent.JobKey;
import org.quiesce.coordinator.agent.ObedientNodes;

/** A node with one rank, on which every checkpoint succeeds. Listens on the loopback interface. */
public final class RehearsalNode implements AutoCloseable {
    private final FakeCrnode crnode;

    /** A node of the job with this key, 64 hexadecimal digits. */
    public RehearsalNode(String key) {
        crnode = new FakeCrnode(JobKey.parse(key), new ObedientNodes(1, 1, ObedientNodes::imaginary));
    }

    /** Where it listens. */
    public int port() {
        return crnode.port();
    }

    @Override
    public void close() {
        crnode.close();
    }
}
