// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import java.util.OptionalInt;
import org.apache.commons.cli.CommandLine;
import org.quiesce.coordinator.store.ReferenceLocator;

/** The reference and sequence that the words of a command name. */
final class References {
    private References() {}

    static ReferenceLocator.Located find(CommandLine line, Context context) {
        String text = Command.argument(line, "REF");
        ReferenceLocator.Located located = named(text, context);
        return line.hasOption("seq")
                ? new ReferenceLocator.Located(located.reference(), OptionalInt.of(Command.number(line, "seq", 0)))
                : located;
    }

    /** A path is taken as it is; a bare name lies in the directory for checkpoints. */
    static ReferenceLocator.Located named(String text, Context context) {
        boolean bare = text.indexOf('/') < 0;
        return new ReferenceLocator(bare ? context.checkpointDirectory() : context.directory()).find(text);
    }
}
