// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.apache.commons.cli.CommandLine;
import org.apache.commons.cli.DefaultParser;
import org.apache.commons.cli.Options;
import org.apache.commons.cli.ParseException;
import org.quiesce.coordinator.Product;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;
import org.quiesce.cr.ExitCode;

/** The command {@code quiesce}. */
public final class Main {
    private static final List<Command> COMMANDS = List.of(
            new RunCommand(),
            new CheckpointCommand(),
            new HaltCommand(),
            new MigrateCommand(),
            new ScontrolCommand(),
            new IntervalCommand(),
            new RestartCommand(),
            new StatusCommand(),
            new ListCommand(),
            new InfoCommand(),
            new VerifyCommand(),
            new PruneCommand(),
            new DoctorCommand());

    private final Context context;
    private boolean verbose;
    private Optional<Command> running = Optional.empty();

    private Main(Context context) {
        this.context = context;
    }

    /** Runs one command and ends the process with its exit status. */
    public static void main(String[] words) {
        PrintStream out = new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);
        PrintStream err = new PrintStream(new FileOutputStream(FileDescriptor.err), true, StandardCharsets.UTF_8);
        Context context =
                new Context(out, err, System.getenv(), Path.of("").toAbsolutePath(), System.console() != null);
        Runtime.getRuntime().halt(exit(run(context, words), out, err));
    }

    /** Without the wait for threads of libraries that a return from main would mean. */
    private static int exit(int status, PrintStream out, PrintStream err) {
        out.flush();
        err.flush();
        return status;
    }

    /** Runs one command and returns its exit status. */
    public static int run(Context context, String... words) {
        return new Main(context).run(Arrays.asList(words));
    }

    private int run(List<String> words) {
        verbose = words.contains("-v") || words.contains("--verbose");
        try {
            return dispatch(words);
        } catch (CrException e) {
            return failed(e);
        } catch (RuntimeException e) {
            return failed(new CrException(ErrorCode.INTERNAL, "this should not have happened: " + e, e));
        }
    }

    private int failed(CrException failure) {
        String program = running.map(Command::call).orElse("quiesce").split(" ", 2)[0];
        context.err().println(program + ": " + failure.getMessage());
        if (verbose) {
            StringWriter trace = new StringWriter();
            failure.printStackTrace(new PrintWriter(trace, true));
            context.err().print(trace);
        }
        return running.map(command -> command.exitStatus(failure.code()))
                .orElseGet(() -> ExitCode.of(failure.code()).value());
    }

    private int dispatch(List<String> words) {
        String first = words.isEmpty() ? "--help" : words.get(0);
        if (first.equals("--version")) {
            context.out().println("quiesce " + Product.version());
            return 0;
        }
        if (first.equals("-h") || first.equals("--help") || first.equals("help")) {
            overview();
            return words.isEmpty() ? ExitCode.of(ErrorCode.USAGE).value() : 0;
        }
        Optional<Command> command = COMMANDS.stream()
                .filter(known -> known.name().equals(first))
                .findFirst()
                .or(() -> OldNames.find(first));
        if (command.isEmpty()) {
            throw Command.usage("there is no command \"" + first + "\"; see quiesce --help");
        }
        return run(command.get(), words.subList(1, words.size()));
    }

    private int run(Command command, List<String> words) {
        running = Optional.of(command);
        Options options = Usage.withCommon(command.options());
        try {
            CommandLine line =
                    new DefaultParser(false).parse(options, words.toArray(String[]::new), command.endsAtFirstWord());
            if (line.hasOption("help")) {
                Usage.print(command, options, context.out());
                return 0;
            }
            if (line.hasOption("version")) {
                context.out().println("quiesce " + Product.version());
                return 0;
            }
            verbose = line.hasOption("verbose");
            return command.run(line, context);
        } catch (ParseException e) {
            throw new CrException(ErrorCode.USAGE, e.getMessage() + "; see " + command.call() + " --help", e);
        }
    }

    private void overview() {
        context.out().println("usage: quiesce COMMAND [OPTIONS] ...");
        context.out().println();
        context.out().println("Checkpoints and restarts MPI jobs.");
        context.out().println();
        for (Command command : COMMANDS) {
            context.out().printf(Locale.ROOT, "  %-11s %s%n", command.name(), command.purpose());
        }
        context.out().println();
        context.out().println("quiesce COMMAND --help tells the options of a command.");
    }
}
