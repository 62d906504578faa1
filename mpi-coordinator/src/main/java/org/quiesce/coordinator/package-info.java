// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

/**
 * The coordinator of an MPI job. Only this package connects the others: it feeds the core with what comes from the nodes
 * and carries out what the core wants done. Words of the command line are not known here.
 */
@NullMarked
package org.quiesce.coordinator;

import org.jspecify.annotations.NullMarked;
