// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator;

import java.nio.file.Path;
import java.util.List;
import org.quiesce.coordinator.launch.LauncherCommand;
import org.quiesce.coordinator.store.JobRegistry;
import org.quiesce.coordinator.store.LocalProcess;
import org.quiesce.coordinator.store.RunRecord;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;
import org.quiesce.cr.manifest.ManifestFile;
import org.quiesce.wire.proto.NodeRecord;

/**
 * The words that have started a job whose ranks have registered.
 *
 * @param launcher the launcher and its options that hold for a restart too
 * @param words behind these: the program and its arguments, or what has restarted it
 */
record LaunchedWords(List<String> launcher, List<String> words) {
    static LaunchedWords of(JobRegistry.Job job) {
        NodeRecord node = job.nodes().get(0);
        List<String> all = all(job, node);
        List<String> behind = behind(all, job, node);
        return new LaunchedWords(new LauncherCommand(all).options(behind.size()), behind);
    }

    private static List<String> all(JobRegistry.Job job, NodeRecord node) {
        String usual = node.getLauncher();
        return job.directory()
                .run()
                .map(RunRecord::launcher)
                .or(() -> LocalProcess.arguments(job.launcherPid()))
                .orElseGet(() -> List.of(usual.isEmpty() ? "mpirun" : usual));
    }

    /** The ranks of a restarted job do not know the words of the program. */
    private static List<String> behind(List<String> words, JobRegistry.Job job, NodeRecord node) {
        int known = job.directory().run().map(RunRecord::programWords).orElse(0);
        if (known == 0 && node.getArgumentList().isEmpty()) {
            known = LauncherCommand.RESTORE_WORDS;
        }
        return known == 0 ? node.getArgumentList() : words.subList(Math.max(1, words.size() - known), words.size());
    }

    /** The program and its arguments as they were at its start, for the job of this name. */
    List<String> program(String name) {
        boolean restored =
                words.size() == LauncherCommand.RESTORE_WORDS && words.get(0).equals("--restore");
        return restored ? original(name) : words;
    }

    /** A job that was restarted by hand, "cr_mpirank --restore PATH": the manifest there tells what it was. */
    private List<String> original(String name) {
        try {
            return ManifestFile.read(Path.of(words.get(1))).job().arguments();
        } catch (CrException e) {
            throw new CrException(
                    ErrorCode.REFUSED,
                    "job " + name + " was restarted by hand from " + words.get(1)
                            + ", which is gone, so nothing tells what its program was: use quiesce restart",
                    e);
        }
    }
}
