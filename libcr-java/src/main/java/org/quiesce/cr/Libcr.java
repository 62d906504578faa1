// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

package org.quiesce.cr;

import com.sun.jna.Native;
import java.nio.file.Path;
import java.util.Optional;
import org.quiesce.cr.jna.LibcrLibrary;

/**
 * The checkpoint agent of this JVM. There is one if the JVM was started under {@code cr_run} or under {@code quiesce run};
 * otherwise the library is loaded from the jar.
 */
public final class Libcr {
    private static final int RESTARTED = 1;

    private Libcr() {}

    /** What a program sees after a checkpoint of itself. */
    public enum Outcome {
        /** The checkpoint was taken; this is the process that asked for it. */
        CONTINUED,
        /** This is the restarted process. */
        RESTARTED
    }

    /** Whether this JVM can be checkpointed: there is a library for this platform, and its agent runs. */
    public static boolean available() {
        return Holder.LIBRARY.isPresent() && Holder.LIBRARY.get().cr_available() == 1;
    }

    /**
     * Checkpoints this JVM into a file and waits for the result. Throws {@link CrException} if it was refused or failed; the
     * JVM goes on then.
     */
    public static Outcome checkpoint(Path file) {
        LibcrLibrary library = library();
        int result = library.cr_checkpoint_self(file.toAbsolutePath().toString());
        if (result < 0) {
            int number = Native.getLastError();
            ErrorCode code = ErrorCode.fromNative(number);
            throw new CrException(
                    code, "cannot checkpoint this JVM into " + file + ": " + code.words() + " (number " + number + ")");
        }
        return result == RESTARTED ? Outcome.RESTARTED : Outcome.CONTINUED;
    }

    /** Tells a listener of every checkpoint of this JVM, whoever asks for it, until the result is closed. */
    public static CheckpointListening listen(CheckpointListener listener) {
        return CheckpointListening.start(listener, library());
    }

    /** The library, for a caller that cannot go on without it. */
    static LibcrLibrary library() {
        if (!available()) {
            throw new CrException(
                    ErrorCode.NO_AGENT,
                    "this JVM has no checkpoint agent; start it under cr_run, as in: cr_run java ...");
        }
        return Holder.LIBRARY.get();
    }

    private static final class Holder {
        static final Optional<LibcrLibrary> LIBRARY = LibcrLibrary.load();
    }
}
