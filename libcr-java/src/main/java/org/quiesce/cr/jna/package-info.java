// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

/** The functions of {@code libcr.h}, as they are. Nothing else calls native code, and nothing here decides anything. */
@NullMarked
package org.quiesce.cr.jna;

import org.jspecify.annotations.NullMarked;
