// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

package org.quiesce.cr.jna;

import com.sun.jna.Callback;
import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Mirrors {@code libcr.h}, where the functions are documented. */
public interface LibcrLibrary extends Library {
    int cr_available();

    int cr_init();

    int cr_enter_cs(int id);

    int cr_tryenter_cs(int id);

    int cr_leave_cs(int id);

    int cr_status();

    int cr_checkpoint_self(String file);

    int cr_register_callback(CheckpointFunction callback, @Nullable Pointer argument, int flags);

    int cr_replace_callback(int id, @Nullable CheckpointFunction callback, @Nullable Pointer argument, int flags);

    int cr_checkpoint(int flags);

    int cr_hold_ctrl(int scope, int flags);

    String cr_strerror(int number);

    /** A {@code cr_callback_t}. Whoever registers one keeps a reference to it as long as it may be called. */
    @FunctionalInterface
    interface CheckpointFunction extends Callback {
        int invoke(@Nullable Pointer argument);
    }

    /**
     * The library that is in this process already (a rank of an MPI job); else the one that is installed beside the agent
     * which {@code cr_run} has preloaded; else the one on {@code jna.library.path} or in the jar.
     */
    static Optional<LibcrLibrary> load() {
        try {
            if (isPreloaded()) {
                return Optional.of(Native.load(null, LibcrLibrary.class));
            }
            return Optional.of(Native.load(besidePreloaded().orElse("cr"), LibcrLibrary.class));
        } catch (UnsatisfiedLinkError e) {
            return Optional.empty();
        }
    }

    private static Optional<String> besidePreloaded() {
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/maps"))) {
            return lines.filter(line -> line.endsWith("/libcr_run.so.0"))
                    .map(line -> Path.of(line.substring(line.indexOf('/'))).resolveSibling("libcr.so.0"))
                    .filter(Files::isReadable)
                    .map(Path::toString)
                    .findFirst();
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    private static boolean isPreloaded() {
        try {
            NativeLibrary.getProcess().getFunction("cr_available");
            return true;
        } catch (UnsatisfiedLinkError e) {
            return false;
        }
    }
}
