// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.system;

import static org.junit.jupiter.api.Assumptions.abort;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.TestWatcher;

/**
 * Several nodes on this machine, by {@code system-tests/cluster/cluster.sh}: {@code ctl}, {@code n1}, {@code n2} and so on.
 * Registered as a static extension it runs as long as the tests of a class, which are skipped with the reason where a machine
 * cannot have one. The staged product lies in {@code /srv/quiesce} on the nodes; {@code /home} is the same on all.
 */
final class Cluster implements AutoCloseable, BeforeAllCallback, AfterAllCallback, TestWatcher {
    /** The ordinary user. */
    static final String ALICE = "alice";

    static final Duration LIMIT = Duration.ofSeconds(120);
    private static final int CANNOT = 77;
    private static final int LINES_OF_LOG = 60;

    private final List<String> options;
    private Path directory = Path.of("");
    private int count;

    /** A cluster that is started with these options of {@code cluster.sh start}. */
    Cluster(String... options) {
        this.options = List.of(options);
    }

    @Override
    public void beforeAll(ExtensionContext context) throws Exception {
        start(Path.of("target", "cluster", context.getRequiredTestClass().getSimpleName())
                .toAbsolutePath());
    }

    @Override
    public void afterAll(ExtensionContext context) throws Exception {
        close();
    }

    /** Starts it in {@code place}; the test is skipped if this machine cannot have one. */
    Cluster start(Path place) throws Exception {
        directory = place;
        close(); // of tests that were killed
        delete(directory);
        Files.createDirectories(directory);
        Stage.bin("quiesce");
        List<String> more = new ArrayList<>(List.of("--product", Stage.prefix().toString()));
        more.addAll(options);
        Run start = script("start", more);
        int status = start.await(LIMIT);
        if (status == CANNOT) {
            abort("no cluster on this machine: " + start.stderr().strip());
        }
        if (status != 0) {
            throw new AssertionError("the cluster did not start\n" + start.describe() + logs());
        }
        return this;
    }

    private static void delete(Path tree) throws IOException {
        if (!Files.exists(tree)) {
            return;
        }
        try (Stream<Path> files = Files.walk(tree)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }

    /** Ends it with all that runs on it; one that does not run is none. */
    @Override
    public void close() throws IOException {
        if (!Files.exists(directory.resolve("run/cluster.env"))) {
            return;
        }
        try {
            script("stop", List.of()).awaitStatus(0, LIMIT);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while the cluster was stopped", e);
        }
    }

    /** Starts a command of a user on a node, in the user's home, with an environment as after a login. */
    Run exec(String node, String user, String... words) throws Exception {
        List<String> more = new ArrayList<>(List.of(node, "--user", user));
        more.addAll(List.of(words));
        return script("exec", more);
    }

    /** What a command of alice's prints on a node; it must succeed. */
    String ask(String node, String... words) throws Exception {
        return exec(node, ALICE, words).awaitStatus(0, LIMIT);
    }

    /** The power of a node fails. */
    void powerOff(String node) throws Exception {
        script("power-off", List.of(node)).awaitStatus(0, LIMIT);
    }

    /** The node starts again. */
    void powerOn(String node) throws Exception {
        script("power-on", List.of(node)).awaitStatus(0, LIMIT);
    }

    /** Pulls the cable of a node. */
    void cut(String node) throws Exception {
        script("cut", List.of(node)).awaitStatus(0, LIMIT);
    }

    /** Plugs the cable of a node in again. */
    void heal(String node) throws Exception {
        script("heal", List.of(node)).awaitStatus(0, LIMIT);
    }

    /** Alice's home, as this host sees it. */
    Path home() {
        return directory.resolve("home").resolve(ALICE);
    }

    /** What Slurm reads from now on to know its plugins. */
    void plugins(String lines) throws IOException {
        Files.writeString(directory.resolve("etc/slurm/plugstack.conf"), lines);
    }

    /** Copies a file into alice's home. */
    void give(Path file) throws IOException {
        Files.copy(
                file,
                home().resolve(file.getFileName().toString()),
                StandardCopyOption.REPLACE_EXISTING,
                StandardCopyOption.COPY_ATTRIBUTES);
    }

    /** The process that a node ends with. */
    ProcessHandle init(String node) throws IOException {
        String pid = Files.readString(directory.resolve("run").resolve(node + ".init"))
                .split(" ")[0];
        return ProcessHandle.of(Long.parseLong(pid)).orElseThrow();
    }

    private Run script(String command, List<String> more) throws IOException {
        List<String> words = new ArrayList<>(
                List.of(Stage.source("system-tests/cluster/cluster.sh").toString(), command, directory.toString()));
        words.addAll(more);
        return Run.start(directory, command + '-' + count++, Map.of(), words);
    }

    @Override
    public void testFailed(ExtensionContext context, Throwable cause) {
        context.publishReportEntry("cluster", logs());
        System.getLogger("cluster").log(System.Logger.Level.ERROR, logs());
    }

    /** The ends of what the nodes and Slurm's daemons have logged. */
    private String logs() {
        StringBuilder text = new StringBuilder();
        try (Stream<Path> files = Files.list(directory.resolve("log"))) {
            for (Path log : files.sorted().toList()) {
                List<String> lines = Files.readAllLines(log);
                text.append("---- ").append(log).append('\n');
                lines.subList(Math.max(0, lines.size() - LINES_OF_LOG), lines.size())
                        .forEach(line -> text.append(line).append('\n'));
            }
        } catch (IOException e) {
            text.append("no logs: ").append(e).append('\n');
        }
        return text.toString();
    }
}
