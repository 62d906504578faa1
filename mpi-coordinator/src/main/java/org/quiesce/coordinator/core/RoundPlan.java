// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.core;

/**
 * What a round is to do.
 *
 * @param round a number that no other round of this job has had
 * @param sequence number of the checkpoint
 * @param worldSize how many ranks the job has
 * @param keepStopped the ranks do not run on after the dump, because they are going to be ended
 * @param signal sent to every rank once the checkpoint is committed; 0: none
 */
public record RoundPlan(long round, int sequence, int worldSize, boolean keepStopped, int signal, Limits limits) {}
