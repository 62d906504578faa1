// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.system;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The page for administrators: its settings are good ones, its mistakes are found, and the doctor prints what stands there. */
@Tag("root")
final class AdministratorsTest {
    private static final Path PAGE = Stage.source("site/guide/administrators.md");
    private static final Pattern BLOCK = Pattern.compile("(?ms)^```([a-z]*)\n(.*?)^```$");
    private static final List<String> SETTINGS = List.of(
            "PreemptMode of low",
            "GraceTime of low",
            "preempt_send_user_signal",
            "KillWait",
            "JobRequeue",
            "RequeueExit",
            "cred_expire",
            "open mode",
            "srun --mpi=pmix",
            "nodes' /tmp");

    @RegisterExtension
    static final Cluster CLUSTER =
            new Cluster("--nodes", "1", "--conf", settings().toString());

    /** The page's own, with the socket of the cluster's munged, and the shortest wait of requeued jobs. */
    static Path settings() {
        try {
            String text = Files.readString(Stage.source("examples/slurm/site.conf"))
                    .replace("AuthInfo=cred_expire=30", "AuthInfo=socket=/run/cluster/munge/socket,cred_expire=5");
            Path file = Path.of("target", "site.conf").toAbsolutePath();
            Files.createDirectories(file.getParent());
            return Files.writeString(file, text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<String> blocks(String kind) throws IOException {
        List<String> blocks = new ArrayList<>();
        Matcher matcher = BLOCK.matcher(Files.readString(PAGE));
        while (matcher.find()) {
            if (matcher.group(1).equals(kind)) {
                blocks.add(matcher.group(2));
            }
        }
        return blocks;
    }

    private static String plain(String text) {
        return text.replaceAll("[ \t]+", " ");
    }

    private static String doctor() throws Exception {
        return plain(CLUSTER.ask("ctl", "quiesce", "doctor")).replaceAll("(?m)^ ", "");
    }

    /** As an administrator does it: slurm.conf is changed, and the daemons read it again. */
    private static void useMistakes(String lines) throws Exception {
        Path conf = CLUSTER.home().resolve("../../etc/slurm/slurm.conf").normalize();
        List<String> kept = Files.readAllLines(conf).stream()
                .filter(line -> !line.startsWith("SlurmctldParameters=") && !line.startsWith("PartitionName=low "))
                .toList();
        Files.writeString(conf, String.join("\n", kept) + '\n' + lines);
        CLUSTER.exec("ctl", "root", "scontrol", "reconfigure").awaitStatus(0, Cluster.LIMIT);
    }

    @Test
    void thePageShowsTheSettingsOfTheExample() throws Exception {
        String text = Files.readString(Stage.source("examples/slurm/site.conf"));
        assertThat(blocks("ini").get(0)).isEqualTo(text.substring(text.indexOf("\n\n") + 2));
    }

    @Test
    void theDoctorIsContentWithTheSettingsAndFindsTheMistakes() throws Exception {
        String good = doctor();
        assertThat(SETTINGS).allSatisfy(setting -> assertThat(good).contains('\n' + setting + " ok "));

        useMistakes(blocks("ini").get(1));
        List<String> shown = blocks("console").stream()
                .filter(block -> block.startsWith("$ quiesce doctor\n"))
                .flatMap(String::lines)
                .filter(line -> !line.startsWith("$ ") && !line.equals("...") && !line.isBlank())
                .map(line -> plain(line).strip())
                .toList();
        assertThat(shown).hasSizeGreaterThan(5);
        assertThat(doctor().lines().toList()).containsSubsequence(shown);
    }
}
