// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

package org.quiesce.cr.jna;

import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import java.util.Optional;

/** Mirrors {@code libcr.h}, where the functions are documented. */
public interface LibcrLibrary extends Library {
    int cr_available();

    int cr_init();

    int cr_enter_cs(int id);

    int cr_tryenter_cs(int id);

    int cr_leave_cs(int id);

    int cr_status();

    int cr_checkpoint_self(String file);

    /**
     * The library that is in this process already (started under {@code cr_run}), else the one on
     * {@code jna.library.path} or in the jar. Two copies in a process would be two agents.
     */
    static Optional<LibcrLibrary> load() {
        try {
            return Optional.of(Native.load(isPreloaded() ? null : "cr", LibcrLibrary.class));
        } catch (UnsatisfiedLinkError e) {
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
