// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

/**
 * Starting a job's launcher and looking after it: its words, its environment, its signals and its end. What the job does
 * and whether it is checkpointed is not known here.
 */
@NullMarked
package org.quiesce.coordinator.launch;

import org.jspecify.annotations.NullMarked;
