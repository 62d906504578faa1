// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

package org.quiesce.cr.manifest;

/**
 * A file that ranks had open.
 *
 * @param path as the rank knew it
 * @param size when the checkpoint was taken
 * @param digest 32 hexadecimal digits; empty if the policy does not need it
 * @param policy what a restart does with it
 */
public record OpenFile(String path, long size, String digest, Policy policy) {
    /** What a restart does with an open file. */
    public enum Policy {
        /** Opens it again as it is. */
        REFERENCE,
        /** Opens it again only if its contents are the same. */
        CHECK,
        /** Puts back the contents that were saved. */
        CONTENTS
    }
}
