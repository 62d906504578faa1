// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

package org.quiesce.cr.manifest;

/**
 * Version of the format of a manifest. A reader refuses a greater major number; a greater minor number only adds fields,
 * which an older reader passes over.
 *
 * @param major changes when an older reader would misunderstand the file
 * @param minor changes when fields are added
 */
public record Format(int major, int minor) {
    /** What this version writes. */
    public static final Format CURRENT = new Format(1, 0);
}
