// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import java.util.Optional;
import org.apache.commons.cli.CommandLine;
import org.quiesce.coordinator.Committed;
import org.quiesce.coordinator.store.StoreSpec;
import org.quiesce.cr.ExitCode;

/** The option {@code --store}, and how a command ends whose checkpoint has not come as far as that wanted. */
final class Stores {
    private Stores() {}

    static Optional<StoreSpec> parse(CommandLine line, Context context) {
        if (line.hasOption("store") && line.hasOption("dir")) {
            throw Command.usage("--store names the directory of references, so --dir cannot be given as well");
        }
        return Optional.ofNullable(line.getOptionValue("store"))
                .map(text -> StoreSpec.parse(text, context.directory()));
    }

    static int status(Committed committed, Context context) {
        committed.summary().warnings().forEach(warning -> context.err().println("quiesce: warning: " + warning));
        committed
                .lower()
                .ifPresent(reason ->
                        context.err().println("quiesce: the checkpoint is on the disks of the nodes only: " + reason));
        return committed.lower().isPresent() ? ExitCode.LOWER_LEVEL.value() : 0;
    }
}
