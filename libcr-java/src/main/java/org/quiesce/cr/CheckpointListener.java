// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

package org.quiesce.cr;

/**
 * What a program does around each checkpoint of its JVM. Called in a thread of its own while the other threads run; the last
 * listener added is asked first and told last.
 */
public interface CheckpointListener {
    /** A checkpoint is about to be taken. An exception stops it: the requester is told to try again later. */
    void beforeCheckpoint();

    /** It was taken: in the process that goes on, or in the restarted one. */
    void afterCheckpoint(Libcr.Outcome outcome);

    /** None was taken after all, because of another listener or of an error. */
    void checkpointFailed();
}
