// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

/**
 * What a Java program needs to be checkpointed: requests, critical sections, hooks, and the errors of Quiesce. Readers of
 * files are in {@code image} and {@code manifest}; nothing here knows MPI jobs.
 */
@NullMarked
package org.quiesce.cr;

import org.jspecify.annotations.NullMarked;
