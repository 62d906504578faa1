// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

/**
 * Connections to the crnodes of a job: the proof of the key, frames, and their translation into events and from actions
 * of the core. Nothing here decides; nothing here touches files, but the nodes of a rehearsal.
 */
@NullMarked
package org.quiesce.coordinator.agent;

import org.jspecify.annotations.NullMarked;
