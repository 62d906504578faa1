// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
/**
 * Tests that start what a user starts: the staged programs, real mpirun, real SIGKILL. They compare results with undisturbed runs
 * bit for bit and wait for conditions with deadlines, never for a fixed time.
 */
package org.quiesce.system;
