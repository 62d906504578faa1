// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

/** What the coordinator's own claims of speed rest on. No command needs it. */
@NullMarked
package org.quiesce.coordinator.bench;

import org.jspecify.annotations.NullMarked;
