// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import org.quiesce.cr.ErrorCode;

/** A command of Open MPI's: called by its name alone, and ending with the statuses of old. */
interface OldCommand extends Command {
    int DONE_NOTHING = 1;
    int FAILED = 255;

    @Override
    default String call() {
        return name();
    }

    /** 1 for words that are not understood, 255 for all else. */
    @Override
    default int exitStatus(ErrorCode code) {
        return code == ErrorCode.USAGE ? DONE_NOTHING : FAILED;
    }
}
