// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

/** A job that does not exist, for a checkpoint at installation. */
@NullMarked
package org.quiesce.coordinator.rehearsal;

import org.jspecify.annotations.NullMarked;
