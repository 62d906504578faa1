// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

package org.quiesce.cr;

/** The one exception of Quiesce. Its message says what was tried, on what, and what to do next. */
public final class CrException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final ErrorCode code;

    /** With a message for people, which is complete without the code. */
    public CrException(ErrorCode code, String message) {
        super(message);
        this.code = code;
    }

    /** With the exception that led to it. */
    public CrException(ErrorCode code, String message, Throwable cause) {
        super(message, cause);
        this.code = code;
    }

    /** Never null. */
    @Override
    public String getMessage() {
        return String.valueOf(super.getMessage());
    }

    /** What went wrong, for programs. */
    public ErrorCode code() {
        return code;
    }
}
