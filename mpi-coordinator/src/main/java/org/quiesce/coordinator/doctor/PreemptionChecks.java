// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.doctor;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.quiesce.coordinator.doctor.SlurmSite.Settings;

/** What becomes of a job that must make room, and whether its last checkpoint has the time that it needs. */
final class PreemptionChecks {
    private static final String NOTICE = "preempt_send_user_signal";
    private static final String MODE = "PreemptMode";

    private final SlurmSite site;
    private final CheckpointCost cost;

    PreemptionChecks(SlurmSite site, CheckpointCost cost) {
        this.site = site;
        this.cost = cost;
    }

    List<Finding> findings() {
        List<Finding> findings = new ArrayList<>();
        String type = site.config().get("PreemptType");
        if (type.isEmpty() || type.equals("preempt/none")) {
            findings.add(Finding.ok("preemption", "none"));
        } else if (type.equals("preempt/qos")) {
            findings.add(Finding.limited(
                    "preemption",
                    type,
                    "the modes and grace times are those of each QOS; look at them by \"sacctmgr show qos"
                            + " format=name,preemptmode,gracetime\": PreemptMode=REQUEUE, and GraceTime="
                            + cost.advisedSeconds() + " or more (" + cost.words() + ")"));
            findings.add(notice());
        } else {
            findings.addAll(partitions(type));
        }
        findings.add(killWait());
        return findings;
    }

    private List<Finding> partitions(String type) {
        List<Settings> victims = site.partitions().stream()
                .filter(this::canBePreempted)
                .filter(this::isOurs)
                .toList();
        if (victims.isEmpty()) {
            return List.of(Finding.ok("preemption", type + ", no partition gives way to another one"));
        }
        List<Finding> findings = new ArrayList<>();
        boolean ends = false;
        for (Settings partition : victims) {
            String mode = mode(partition);
            findings.add(mode(partition, mode));
            if (endsJobs(mode)) {
                ends = true;
                findings.add(grace(partition));
            }
        }
        if (ends) {
            findings.add(notice());
        }
        return findings;
    }

    /** In a job only its own partitions matter. */
    private boolean isOurs(Settings partition) {
        return site.job().map(job -> job.lists("Partition", name(partition))).orElse(true);
    }

    private boolean canBePreempted(Settings partition) {
        long tier = partition.number("PriorityTier").orElse(1);
        return site.partitions().stream()
                .anyMatch(other -> other.number("PriorityTier").orElse(1) > tier);
    }

    private static String name(Settings partition) {
        return partition.get("PartitionName");
    }

    private String mode(Settings partition) {
        String own = partition.get(MODE);
        return (own.isEmpty() ? site.config().get(MODE) : own).toUpperCase(Locale.ROOT);
    }

    private static boolean endsJobs(String mode) {
        return mode.contains("REQUEUE") || mode.contains("CANCEL");
    }

    private static Finding mode(Settings partition, String mode) {
        String what = "PreemptMode of " + name(partition);
        if (mode.contains("CANCEL")) {
            return Finding.limited(
                    what,
                    mode,
                    "a job that must make room is ended and never queued again; PreemptMode=REQUEUE for the partition");
        }
        if (mode.contains("OFF")) {
            return Finding.ok(what, mode + ": its jobs are left alone, others wait for them");
        }
        return Finding.ok(what, mode);
    }

    private Finding grace(Settings partition) {
        String what = "GraceTime of " + name(partition);
        long grace = partition.number("GraceTime").orElse(0);
        String found = grace + " s; " + cost.words();
        return grace >= cost.seconds()
                ? Finding.ok(what, found)
                : Finding.limited(
                        what,
                        found,
                        "a job that must make room is ended during its last checkpoint, and loses what it did since the"
                                + " one before; GraceTime=" + cost.advisedSeconds() + " for the partition");
    }

    private Finding notice() {
        if (site.config().lists("SlurmctldParameters", NOTICE)) {
            return Finding.ok(NOTICE, "in SlurmctldParameters");
        }
        boolean misplaced = site.config().lists("SchedulerParameters", NOTICE);
        return Finding.limited(
                NOTICE,
                misplaced ? "in SchedulerParameters, where Slurm passes over it" : "not in SlurmctldParameters",
                "a batch script hears of a preemption only when the grace is over, while its steps get TERM at once and"
                        + " die of it; " + (misplaced ? "move it to" : "add it to")
                        + " SlurmctldParameters, and use \"#SBATCH --signal=B:USR1@" + cost.advisedSeconds() + "\"");
    }

    /** Between TERM and KILL: all that a job has that nobody warns. */
    private Finding killWait() {
        long wait = site.config().number("KillWait").orElse(30);
        String found = wait + " s; " + cost.words();
        return wait >= cost.seconds()
                ? Finding.ok("KillWait", found)
                : Finding.limited(
                        "KillWait",
                        found,
                        "a program that goes on after TERM (scontrol requeue, a time limit) is killed during the checkpoint that"
                                + " TERM asks for; KillWait=" + cost.advisedSeconds() + ". One that dies of TERM needs"
                                + " --interval, --before-end, or \"#SBATCH --signal=B:USR1@" + cost.advisedSeconds()
                                + "\"");
    }
}
