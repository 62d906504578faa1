// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

package org.quiesce.cr;

import java.util.EnumSet;
import java.util.Set;

/** How the command {@code quiesce} ends. This is the one place where an {@link ErrorCode} becomes an exit code. */
public enum ExitCode {
    /** Done. */
    DONE(0),
    /** The checkpoint failed; the job goes on. */
    FAILED(1),
    /** The command was not understood. */
    USAGE(2),
    /** No such job or coordinator. */
    NO_JOB(3),
    /** Refused: disabled, in a critical section, another checkpoint in progress. */
    REFUSED(4),
    /** Timed out; the job goes on and nothing was committed. */
    TIMED_OUT(5),
    /** Committed, but only to a lower storage level. */
    LOWER_LEVEL(6),
    /** An image or manifest is missing, incomplete or damaged. */
    DAMAGED(7),
    /** It cannot be restarted here. */
    HOST(8),
    /** Not permitted. */
    PERMISSION(9),
    /** Checkpointed and stopped: requeue the job. */
    REQUEUE(75);

    private static final Set<ErrorCode> BROKEN_OFF =
            EnumSet.of(ErrorCode.CANCELLED, ErrorCode.NO_PARK, ErrorCode.RANK_LOST);

    private final int value;

    ExitCode(int value) {
        this.value = value;
    }

    /** The number that the shell sees. */
    public int value() {
        return value;
    }

    /** How a command ends that failed with this error. */
    public static ExitCode of(ErrorCode code) {
        return switch (code.category()) {
            case USAGE -> USAGE;
            case STATE -> ofState(code);
            case SAVE, PROTOCOL, INTERNAL -> FAILED;
            case IMAGE -> DAMAGED;
            case HOST -> HOST;
            case PERMISSION -> PERMISSION;
        };
    }

    private static ExitCode ofState(ErrorCode code) {
        if (code == ErrorCode.NO_AGENT) {
            return NO_JOB;
        }
        if (code == ErrorCode.TIMEOUT) {
            return TIMED_OUT;
        }
        return BROKEN_OFF.contains(code) ? FAILED : REFUSED;
    }
}
