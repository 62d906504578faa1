// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import org.apache.commons.cli.HelpFormatter;
import org.apache.commons.cli.Option;
import org.apache.commons.cli.Options;

/** What a command says about itself. */
final class Usage {
    private static final int WIDTH = 100;
    private static final int INDENT = 2;
    private static final int GAP = 3;

    private Usage() {}

    /** The options of a command and those that every command has. */
    static Options withCommon(Options own) {
        return own.addOption("h", "help", false, "print this and end")
                .addOption(null, "version", false, "print the version and end")
                .addOption("v", "verbose", false, "say more, and more about errors");
    }

    /** An option without an argument. */
    static Option flag(String name, String text) {
        return Option.builder().longOpt(name).desc(text).get();
    }

    /** An option with an argument. */
    static Option value(String name, String argument, String text) {
        return Option.builder()
                .longOpt(name)
                .hasArg()
                .argName(argument)
                .desc(text)
                .get();
    }

    /** The option of every command that prints a table. */
    static Option json() {
        return flag("json", "print JSON instead of a table");
    }

    @SuppressWarnings("deprecation") // its successor in another package needs a class that is still marked experimental
    static void print(Command command, Options options, PrintStream out) {
        PrintWriter writer = new PrintWriter(out, true, StandardCharsets.UTF_8);
        writer.println("usage: " + command.call() + " [options] " + command.arguments());
        writer.println();
        writer.println(Character.toUpperCase(command.purpose().charAt(0))
                + command.purpose().substring(1)
                + '.');
        writer.println();
        new HelpFormatter().printOptions(writer, WIDTH, options, INDENT, GAP);
        writer.flush();
    }
}
