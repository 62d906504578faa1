// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

package org.quiesce.cr;

import java.util.Optional;
import org.quiesce.cr.jna.LibcrLibrary;

/**
 * A part of a program in which no checkpoint is taken: a checkpoint waits until no section of the process is open. Sections
 * nest. A section belongs to the thread that entered it and is closed there; enter it in a try statement. Without an agent
 * in this JVM nobody takes checkpoints, and a section does nothing.
 */
public final class CriticalSection implements AutoCloseable {
    private static final ThreadLocal<Integer> CLIENT =
            ThreadLocal.withInitial(() -> Libcr.library().cr_init());

    private final Thread owner = Thread.currentThread();
    private final Optional<LibcrLibrary> library;
    private boolean open = true;

    private CriticalSection(Optional<LibcrLibrary> library) {
        this.library = library;
    }

    /** Enters a section; waits while a checkpoint is being taken. */
    public static CriticalSection enter() {
        if (!Libcr.available()) {
            return new CriticalSection(Optional.empty());
        }
        LibcrLibrary library = Libcr.library();
        check(library.cr_enter_cs(CLIENT.get()));
        return new CriticalSection(Optional.of(library));
    }

    /** Enters a section, or gives nothing while a checkpoint is being taken. */
    public static Optional<CriticalSection> tryEnter() {
        if (!Libcr.available()) {
            return Optional.of(new CriticalSection(Optional.empty()));
        }
        LibcrLibrary library = Libcr.library();
        return check(library.cr_tryenter_cs(CLIENT.get())) == 0
                ? Optional.of(new CriticalSection(Optional.of(library)))
                : Optional.empty();
    }

    /** Leaves the section; a second close does nothing. */
    @Override
    public void close() {
        if (!open) {
            return;
        }
        if (Thread.currentThread() != owner) {
            throw new CrException(
                    ErrorCode.USAGE, "a critical section is closed by the thread that entered it, " + owner);
        }
        open = false;
        library.ifPresent(present -> check(present.cr_leave_cs(CLIENT.get())));
    }

    private static int check(int result) {
        if (result < 0) {
            throw new CrException(ErrorCode.INTERNAL, "the checkpoint agent does not know this critical section");
        }
        return result;
    }
}
