// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

/** Asking other programs: what they print, within a time. What the answer means is known to those who ask. */
@NullMarked
package org.quiesce.coordinator.program;

import org.jspecify.annotations.NullMarked;
