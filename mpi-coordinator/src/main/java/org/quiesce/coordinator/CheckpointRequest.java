// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator;

import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalLong;
import org.quiesce.coordinator.store.JobDirectory;

/**
 * A checkpoint that somebody wants.
 *
 * @param directory where references lie, instead of where the job wants them
 * @param local a directory of each node to which images go first, if {@code directory} is given
 * @param ending what happens to the job once the checkpoint is committed
 * @param maxWaitMillis the longest that the round may take
 */
public record CheckpointRequest(
        Optional<Path> directory, Optional<Path> local, Ending ending, OptionalLong maxWaitMillis) {
    /** Images go to the directory at once, or as the job wants it. */
    public CheckpointRequest(Optional<Path> directory, Ending ending, OptionalLong maxWaitMillis) {
        this(directory, Optional.empty(), ending, maxWaitMillis);
    }

    /** What happens to a job after its checkpoint. */
    public enum Ending {
        /** It goes on. */
        CONTINUE(0),
        /** It is asked to end. */
        TERM(15),
        /** It is stopped, until somebody sends SIGCONT. */
        STOP(19),
        /** It is ended at once. */
        KILL(9),
        /** The same, and it is not to run again by itself. */
        HALT(9),
        /** The same, and its {@code quiesce run} is to queue it again. */
        QUEUE(9);

        private final int signal;

        Ending(int signal) {
            this.signal = signal;
        }

        int signal() {
            return signal;
        }

        JobDirectory.Afterwards afterwards() {
            return switch (this) {
                case CONTINUE, TERM, STOP, KILL -> JobDirectory.Afterwards.AGAIN;
                case HALT -> JobDirectory.Afterwards.NOTHING;
                case QUEUE -> JobDirectory.Afterwards.QUEUED;
            };
        }

        /** Whether the ranks need not run on between the checkpoint and the signal. */
        boolean keepsStopped() {
            return this == KILL || this == TERM || this == HALT || this == QUEUE;
        }
    }

    /** The job goes on, everything else as usual. */
    public static CheckpointRequest plain() {
        return new CheckpointRequest(Optional.empty(), Ending.CONTINUE, OptionalLong.empty());
    }
}
