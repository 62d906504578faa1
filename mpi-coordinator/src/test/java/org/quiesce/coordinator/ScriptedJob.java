// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator;

import java.io.IOException;
import java.nio.file.Files;
import org.quiesce.coordinator.agent.FakeCrnode;
import org.quiesce.coordinator.agent.JobKey;
import org.quiesce.coordinator.store.JobDirectory;
import org.quiesce.coordinator.store.JobRegistry;
import org.quiesce.wire.proto.NodeRecord;

/** A job whose nodes follow a script. */
final class ScriptedJob {
    private ScriptedJob() {}

    /** Crnodes that know the key of the job. */
    static FakeCrnode crnode(JobDirectory directory, FakeCrnode.Script script) {
        return new FakeCrnode(JobKey.parse(directory.key()), script);
    }

    /** The job with so many nodes, each of which says this of itself. */
    static JobRegistry.Job of(JobDirectory directory, FakeCrnode crnode, int nodes, NodeRecord.Builder each)
            throws IOException {
        each.addAddress("127.0.0.1").setPort(crnode.port());
        for (int node = 0; node < nodes; node++) {
            NodeRecord record = each.setHost("host" + node).build();
            Files.write(directory.path().resolve("node-host" + node + ".pb"), record.toByteArray());
        }
        return JobRegistry.Job.of(directory);
    }
}
