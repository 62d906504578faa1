// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.core;

/**
 * A rank as its node announces it.
 *
 * @param ready whether it has returned from MPI_Init
 * @param finalizing whether it is past the point of no return in MPI_Finalize
 */
public record RankMember(int rank, int pid, boolean ready, boolean finalizing) {}
