// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.rehearsal;

import java.util.List;
import org.quiesce.coordinator.agent.FakeCrnode;
import org.quiesce.coordinator.agent.JobKey;
import org.quiesce.coordinator.agent.ObedientNodes;
import org.quiesce.wire.proto.Frame;

/** A node with one rank, on which every checkpoint succeeds. Listens on the loopback interface. */
public final class RehearsalNode implements AutoCloseable {
    private final FakeCrnode crnode;

    /** A node of the job with this key, 64 hexadecimal digits. */
    public RehearsalNode(String key) {
        crnode = new FakeCrnode(JobKey.parse(key), new OneNode());
    }

    /** Each checkpoint connects anew, and meets the same node. */
    private static final class OneNode extends ObedientNodes {
        OneNode() {
            super(1, 1, ObedientNodes::imaginary);
        }

        @Override
        public List<Frame> greeting(int connection) {
            return super.greeting(0);
        }

        @Override
        public List<Frame> answer(int connection, Frame frame) {
            return super.answer(0, frame);
        }
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
