// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

/**
 * Images of processes, read without trusting them: an ELF core file with notes of Quiesce, as {@code cr_image.h} describes
 * it. Writing images is the business of C.
 */
@NullMarked
package org.quiesce.cr.image;

import org.jspecify.annotations.NullMarked;
