// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import java.util.List;
import org.apache.commons.cli.CommandLine;
import org.apache.commons.cli.Options;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;
import org.quiesce.cr.ExitCode;

/** One subcommand. */
interface Command {
    /** The word that names it. */
    String name();

    /** What follows the name, as a usage line shows it. */
    String arguments();

    /** What it is for, in a few words. */
    String purpose();

    /** Its options, without those that every command has. */
    Options options();

    /** Does it; returns the exit status. */
    int run(CommandLine line, Context context);

    /** The words that call it. */
    default String call() {
        return "quiesce " + name();
    }

    /** How it ends after this failure. */
    default int exitStatus(ErrorCode code) {
        return ExitCode.of(code).value();
    }

    /** Whether everything from the first word that is no option on belongs to another program. */
    default boolean endsAtFirstWord() {
        return false;
    }

    /** The only argument. */
    static String argument(CommandLine line, String what) {
        List<String> words = line.getArgList();
        if (words.size() != 1) {
            throw usage(words.isEmpty() ? what + " is missing" : "one " + what + " too many: " + words.get(1));
        }
        return words.get(0);
    }

    /** The number that an option gives, at least {@code least}. */
    static int number(CommandLine line, String option, int least) {
        try {
            int number = Integer.parseInt(line.getOptionValue(option));
            if (number >= least) {
                return number;
            }
        } catch (NumberFormatException e) {
            // said below
        }
        throw usage("--" + option + " needs a number of at least " + least + ", not " + line.getOptionValue(option));
    }

    /** A user's mistake. */
    static CrException usage(String text) {
        return new CrException(ErrorCode.USAGE, text);
    }
}
