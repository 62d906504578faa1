// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

/**
 * The command {@code quiesce}: one class per subcommand, which parses words, has the work done elsewhere, and prints, as a
 * table and as JSON. Nothing is decided here.
 */
@NullMarked
package org.quiesce.coordinator.cli;

import org.jspecify.annotations.NullMarked;
