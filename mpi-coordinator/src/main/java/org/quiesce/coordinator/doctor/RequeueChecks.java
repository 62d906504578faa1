// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.doctor;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.quiesce.cr.ExitCode;

/** Whether a job that has ended with a checkpoint runs again, when, and with what it had printed. */
final class RequeueChecks {
    private static final Pattern RANGE = Pattern.compile("\\s*([0-9]{1,5})(?:-([0-9]{1,5}))?\\s*");
    private static final Pattern EXPIRE = Pattern.compile("(?:.*,)?cred_expire=([0-9]{1,6})(?:,.*)?");
    private static final int STATUS = ExitCode.REQUEUE.value();
    private static final long USUAL_EXPIRE = 120;
    private static final long LEAST_EXPIRE = 5;
    private static final long LONG_WAIT = 60;

    private final SlurmSite site;
    private final String openMode;

    /** {@code openMode} is that of the job in which we run, as its environment has it. */
    RequeueChecks(SlurmSite site, String openMode) {
        this.site = site;
        this.openMode = openMode;
    }

    List<Finding> findings() {
        List<Finding> findings = new ArrayList<>();
        site.job()
                .filter(job -> job.get("BatchFlag").equals("0"))
                .ifPresent(job -> findings.add(Finding.limited(
                        "this job",
                        job.get("JobId") + ", no batch job",
                        "Slurm queues only batch jobs again; use sbatch, or restart it by \"quiesce restart\"")));
        findings.add(requeue());
        findings.add(exit());
        findings.add(delay());
        findings.add(output());
        return findings;
    }

    private Finding requeue() {
        String own = site.job().map(job -> job.get("Requeue")).orElse("");
        String value = own.isEmpty() ? site.config().get("JobRequeue") : own;
        String found = own.isEmpty() ? value : value + " for this job";
        return value.equals("0")
                ? Finding.limited(
                        "JobRequeue",
                        found,
                        "a job that was preempted or has lost a node is not queued again, and scontrol requeue refuses;"
                                + " JobRequeue=1, or \"#SBATCH --requeue\"")
                : Finding.ok("JobRequeue", found);
    }

    private Finding exit() {
        String again = site.config().get("RequeueExit");
        String hold = site.config().get("RequeueExitHold");
        if (holds(hold)) {
            return Finding.limited(
                    "RequeueExitHold",
                    hold,
                    "a job that ends with " + STATUS + " after its checkpoint is held until somebody releases it; take "
                            + STATUS + " out of RequeueExitHold and put it into RequeueExit");
        }
        return holds(again)
                ? Finding.ok("RequeueExit", again)
                : Finding.limited(
                        "RequeueExit",
                        again.isEmpty() ? "none" : again,
                        "--requeue=exit ends jobs for good; RequeueExit=" + STATUS
                                + ", or --requeue alone, which asks Slurm by scontrol");
    }

    /** Whether a list such as {@code 1,75-80} has the status with which jobs ask for another run. */
    private static boolean holds(String list) {
        return Stream.of(list.split(","))
                .map(RANGE::matcher)
                .filter(Matcher::matches)
                .anyMatch(range -> {
                    int first = Integer.parseInt(range.group(1));
                    int last = range.group(2) == null ? first : Integer.parseInt(range.group(2));
                    return first <= STATUS && STATUS <= last;
                });
    }

    /** Slurm lets a job wait until no credential of its last run can be valid any more. */
    private Finding delay() {
        Matcher given = EXPIRE.matcher(site.config().get("AuthInfo"));
        long seconds = given.matches() ? Long.parseLong(given.group(1)) : USUAL_EXPIRE;
        long wait = (seconds < LEAST_EXPIRE ? USUAL_EXPIRE : seconds) + 1;
        String found = "a requeued job waits " + wait + " s";
        return wait <= LONG_WAIT
                ? Finding.ok("cred_expire", found)
                : Finding.limited(
                        "cred_expire",
                        found,
                        "AuthInfo=cred_expire=30 makes it start sooner; less than " + LEAST_EXPIRE
                                + " counts as not given");
    }

    private Finding output() {
        String found = site.config().get("JobFileAppend");
        if (found.equals("1") || openMode.startsWith("a")) {
            return Finding.ok("open mode", "append");
        }
        return openMode.startsWith("t") || site.job().isPresent() || found.equals("0")
                ? Finding.limited(
                        "open mode",
                        "truncate",
                        "what a job had printed is lost when it runs again; JobFileAppend=1, or \"#SBATCH"
                                + " --open-mode=append\"")
                : Finding.ok("open mode", "not known");
    }
}
