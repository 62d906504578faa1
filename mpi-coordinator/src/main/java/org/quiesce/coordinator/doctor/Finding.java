// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.doctor;

/**
 * One thing that was looked at.
 *
 * @param what was looked at
 * @param verdict whether it is as it should be
 * @param found how it is
 * @param remedy what to do, or what does not work; empty when all is well
 */
public record Finding(String what, Verdict verdict, String found, String remedy) {
    /** How well it is. */
    public enum Verdict {
        /** As it should be. */
        OK,
        /** Something does not work, or works more slowly. */
        LIMITED,
        /** Nobody has seen it work. */
        UNTRIED,
        /** Known not to work: refused where it is used. */
        UNSAFE,
        /** Jobs cannot be checkpointed or restarted. */
        MISSING
    }

    static Finding ok(String what, String found) {
        return new Finding(what, Verdict.OK, found, "");
    }

    static Finding limited(String what, String found, String remedy) {
        return new Finding(what, Verdict.LIMITED, found, remedy);
    }

    static Finding untried(String what, String found, String remedy) {
        return new Finding(what, Verdict.UNTRIED, found, remedy);
    }

    static Finding unsafe(String what, String found, String remedy) {
        return new Finding(what, Verdict.UNSAFE, found, remedy);
    }

    static Finding missing(String what, String found, String remedy) {
        return new Finding(what, Verdict.MISSING, found, remedy);
    }
}
