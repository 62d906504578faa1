// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

package org.quiesce.cr;

import java.util.Arrays;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Every error of Quiesce, as in {@code native/include/libcr_errors.def}; a test compares the two. The name here is the
 * name there with words separated: {@code CR_ENOAGENT} is {@link #NO_AGENT}.
 */
public enum ErrorCode {
    USAGE(1000, Category.USAGE, "bad usage"),
    NO_AGENT(1100, Category.STATE, "process has no checkpoint agent"),
    BUSY(1101, Category.STATE, "another checkpoint is in progress"),
    REFUSED(1102, Category.STATE, "process holds something that cannot be saved"),
    TIMEOUT(1103, Category.STATE, "a phase did not end in time"),
    CANCELLED(1104, Category.STATE, "checkpoint was cancelled"),
    NO_PARK(1105, Category.STATE, "a thread did not stop"),
    RANK_LOST(1106, Category.STATE, "a rank ended during the checkpoint"),
    FINALIZING(1107, Category.STATE, "a rank is past MPI_Finalize"),
    NOT_READY(1108, Category.STATE, "a rank has not reached MPI_Init"),
    DISABLED(1109, Category.STATE, "checkpoints are disabled in this process"),
    FAMILY(1110, Category.STATE, "process is not alone in the checkpoint"),
    FENCED(1111, Category.STATE, "a newer incarnation of the job has taken over"),
    WRITE(1200, Category.SAVE, "image could not be written"),
    NOT_IMAGE(1300, Category.IMAGE, "file is not a Quiesce image"),
    DAMAGED(1301, Category.IMAGE, "image is damaged"),
    IMAGE_VERSION(1302, Category.IMAGE, "image was written by a newer version"),
    INCOMPLETE(1303, Category.IMAGE, "image is incomplete"),
    CPU(1400, Category.HOST, "this CPU lacks features that the process uses"),
    FILE_CHANGED(1401, Category.HOST, "a file that the process maps has changed"),
    FILE_MISSING(1402, Category.HOST, "a file that the process needs is missing"),
    COLLISION(1403, Category.HOST, "an address of the image is taken"),
    PID_TAKEN(1404, Category.HOST, "the old process id is in use"),
    CLOCK(1405, Category.HOST, "the monotonic clock cannot be put back"),
    VDSO(1406, Category.HOST, "the kernel's vdso differs"),
    KERNEL(1407, Category.HOST, "the kernel lacks a feature"),
    PROTOCOL(1500, Category.PROTOCOL, "unexpected or malformed message"),
    AUTH(1501, Category.PERMISSION, "peer did not prove the job's key"),
    PERMISSION(1502, Category.PERMISSION, "not permitted"),
    INTERNAL(1600, Category.INTERNAL, "internal error"),
    TEMP_FAIL(2354, Category.STATE, "a callback asks to try again later"),
    PERM_FAIL(2355, Category.STATE, "a callback says that no checkpoint is possible"),
    NO_SUPPORT(2356, Category.STATE, "process cannot take part in checkpoints"),
    VERSION(2357, Category.PROTOCOL, "program and library do not fit together"),
    OMITTED(2358, Category.STATE, "process leaves itself out of the checkpoint"),
    BAD_ARCH(2359, Category.HOST, "image is of another architecture"),
    PTRACED(2360, Category.STATE, "process is being traced"),
    PTRACER(2361, Category.STATE, "process traces another one"),
    RSTRT_ABRT(2362, Category.STATE, "a callback ended the restart"),
    RESTARTED(2363, Category.STATE, "this is the restarted process"),
    NOT_CB(2364, Category.USAGE, "not called in a callback, or too late in it"),
    NO_INIT(2365, Category.USAGE, "thread has not called cr_init");

    /** What kind of failure it is; exit codes are made from it. */
    public enum Category {
        /** The command was not understood. */
        USAGE,
        /** The process or job cannot be checkpointed now. */
        STATE,
        /** Writing failed. */
        SAVE,
        /** Reading found damage. */
        IMAGE,
        /** This machine cannot restart it. */
        HOST,
        /** The other side said something unexpected. */
        PROTOCOL,
        /** Not allowed. */
        PERMISSION,
        /** A fault of Quiesce itself. */
        INTERNAL
    }

    private static final int FIRST_OWN = 1000;
    private static final int EPERM = 1;
    private static final int EACCES = 13;
    private static final Map<Integer, ErrorCode> BY_NUMBER =
            Arrays.stream(values()).collect(Collectors.toUnmodifiableMap(ErrorCode::number, Function.identity()));

    private final int number;
    private final Category category;
    private final String words;

    ErrorCode(int number, Category category, String words) {
        this.number = number;
        this.category = category;
        this.words = words;
    }

    /** The number on the wire and in C. */
    public int number() {
        return number;
    }

    /** The kind of failure. */
    public Category category() {
        return category;
    }

    /** The first words of its text, for people. */
    public String words() {
        return words;
    }

    /**
     * The code for a number that C reported: one of ours, or an errno. An errno means that a file could not be written,
     * or that permission was missing; a number that this version does not know is {@link #INTERNAL}.
     */
    public static ErrorCode fromNative(int number) {
        int positive = Math.abs(number);
        if (positive == EPERM || positive == EACCES) {
            return PERMISSION;
        }
        if (positive < FIRST_OWN) {
            return WRITE;
        }
        return BY_NUMBER.getOrDefault(positive, INTERNAL);
    }
}
