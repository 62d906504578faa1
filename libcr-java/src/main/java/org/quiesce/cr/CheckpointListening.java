// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

package org.quiesce.cr;

import com.sun.jna.Pointer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.quiesce.cr.jna.LibcrLibrary;

/** A listener that is told of checkpoints until this is closed. */
public final class CheckpointListening implements AutoCloseable {
    private static final int THREAD_CONTEXT = 0x4000000;
    private static final int READY = 0;
    private static final int TEMPORARY_FAILURE = 1;
    private static final int HOLD_NONE = 0;
    private static final int HOLD_INITIALIZED = 1;
    private static final int HOLD_OTHERS = 2;

    /** C may call these as long as the JVM lives. */
    private static final List<CheckpointListening> ALL = Collections.synchronizedList(new ArrayList<>());

    private final CheckpointListener listener;
    private final LibcrLibrary library;
    private final LibcrLibrary.CheckpointFunction function = this::around;
    private int id;

    private CheckpointListening(CheckpointListener listener, LibcrLibrary library) {
        this.listener = listener;
        this.library = library;
    }

    static CheckpointListening start(CheckpointListener listener, LibcrLibrary library) {
        CheckpointListening listening = new CheckpointListening(listener, library);
        library.cr_init();
        // A thread that stands still may hold a lock of the JVM that the listener needs.
        library.cr_hold_ctrl(HOLD_INITIALIZED, HOLD_NONE);
        library.cr_hold_ctrl(HOLD_OTHERS, HOLD_NONE);
        ALL.add(listening);
        listening.id = library.cr_register_callback(listening.function, null, THREAD_CONTEXT);
        if (listening.id < 0) {
            throw new CrException(ErrorCode.INTERNAL, "the checkpoint agent takes no listener");
        }
        return listening;
    }

    /** The listener is told of no further checkpoint. */
    @Override
    public void close() {
        library.cr_init();
        library.cr_replace_callback(id, null, null, THREAD_CONTEXT);
    }

    private int around(@Nullable Pointer unused) {
        int flags = READY;
        try {
            listener.beforeCheckpoint();
        } catch (RuntimeException e) {
            flags = TEMPORARY_FAILURE;
        }
        int outcome = library.cr_checkpoint(flags);
        if (outcome < 0) {
            listener.checkpointFailed();
        } else {
            listener.afterCheckpoint(outcome > 0 ? Libcr.Outcome.RESTARTED : Libcr.Outcome.CONTINUED);
        }
        return 0;
    }
}
