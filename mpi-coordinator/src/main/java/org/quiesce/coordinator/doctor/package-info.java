// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

/** Looks at a host and says what works there, what does not, and what to do about it. It changes nothing. */
@NullMarked
package org.quiesce.coordinator.doctor;

import org.jspecify.annotations.NullMarked;
