// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

/**
 * What decides: the state machine of one checkpoint round. Events and the time go in, actions come out. No clock,
 * thread, socket, file or logger belongs here; whoever waits, reads or sends lives in a package beside this one.
 */
@NullMarked
package org.quiesce.coordinator.core;

import org.jspecify.annotations.NullMarked;
