// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

package org.quiesce.cr.image;

import java.nio.ByteBuffer;

/**
 * A note of an image.
 *
 * @param name {@code CORE}, {@code LINUX} or {@code QUIESCE}
 * @param type of a note of Quiesce the number in {@code NoteType}
 * @param data read-only; of a note of Quiesce the message without its checksum
 */
public record ImageNote(String name, int type, ByteBuffer data) {
    static final String OWN = "QUIESCE";

    /** A note with kernel state, as {@code image.proto} describes it. */
    public boolean isOwn() {
        return name.equals(OWN);
    }
}
