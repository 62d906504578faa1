// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

package org.quiesce.cr.image;

/**
 * A piece of memory in an image.
 *
 * @param start its first address
 * @param size its bytes
 * @param offset where its contents begin in the file
 * @param flags {@code PF_R}, {@code PF_W}, {@code PF_X} of ELF
 */
public record ImageRun(long start, long size, long offset, int flags) {}
