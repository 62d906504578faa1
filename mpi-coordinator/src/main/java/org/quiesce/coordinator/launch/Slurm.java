// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.launch;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.quiesce.coordinator.program.ProgramOutput;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

/** What Slurm's commands say of jobs and do to them. They are given up when slurmctld does not answer. */
public final class Slurm {
    private static final Duration PATIENCE = Duration.ofSeconds(15);
    private static final int DIFFERENT_STEPS = 16;
    private static final Pattern TIME = Pattern.compile("(?:(\\d{1,5})-)?(?:(\\d{1,5}):)?(\\d{1,5}):(\\d{2})");
    private static final Pattern STEP = Pattern.compile("StepId=(\\S+)");

    private final Map<String, String> environment;

    /** As seen from a process with this environment. */
    public Slurm(Map<String, String> environment) {
        this.environment = Map.copyOf(environment);
    }

    /** The job in which we run; empty: none. */
    public String job() {
        return environment.getOrDefault("SLURM_JOB_ID", "");
    }

    /** Whether we run in a batch job, which can be queued again. */
    public boolean isBatch() {
        return !job().isEmpty();
    }

    /** How often the job was started again. */
    public int restarts() {
        String count = environment.getOrDefault("SLURM_RESTART_COUNT", "0");
        return count.matches("[0-9]{1,9}") ? Integer.parseInt(count) : 0;
    }

    /** How long our job may still run; empty if that is not limited, or nobody says. */
    public Optional<Duration> remaining() {
        return queue(job(), "%L").flatMap(Slurm::time);
    }

    /** What squeue says of a job. Of an array it says it of all tasks when asked for the one that has the array's number. */
    private static Optional<String> queue(String job, String what) {
        return output(List.of("squeue", "-h", "-j", job, "-o", "%A " + what)).flatMap(lines -> ofJob(lines, job));
    }

    static Optional<String> ofJob(String lines, String job) {
        return lines.lines()
                .map(String::strip)
                .filter(line -> line.startsWith(job + ' '))
                .map(line -> line.substring(job.length()).strip())
                .findFirst();
    }

    /** Reads {@code D-HH:MM:SS}, {@code HH:MM:SS} or {@code MM:SS}; words such as UNLIMITED are none. */
    static Optional<Duration> time(String text) {
        Matcher matcher = TIME.matcher(text.strip());
        return matcher.matches()
                ? Optional.of(Duration.ofDays(number(matcher.group(1)))
                        .plusHours(number(matcher.group(2)))
                        .plusMinutes(number(matcher.group(3)))
                        .plusSeconds(number(matcher.group(4))))
                : Optional.empty();
    }

    private static long number(String digits) {
        return digits == null ? 0 : Long.parseLong(digits);
    }

    /** Whether a job runs, as far as Slurm says. */
    public boolean runs(String job) {
        return queue(job, "%T")
                .filter(List.of("RUNNING", "SUSPENDED", "STOPPED", "COMPLETING", "SIGNALING")::contains)
                .isPresent();
    }

    /** How Slurm sees our job; empty if we are in none, or nobody says. */
    public Optional<Standing> standing() {
        return job().isEmpty()
                ? Optional.empty()
                : output(List.of("scontrol", "-o", "show", "job", job())).flatMap(text -> Standing.read(text, job()));
    }

    /** What Slurm shows of a job; empty if it knows none of that number, or nobody says. */
    public Optional<ShownJob> shown(String job) {
        return output(List.of("scontrol", "-o", "show", "job", job)).flatMap(text -> ShownJob.read(text, job));
    }

    /** The script of a batch job; empty if it has none, or nobody says. */
    public Optional<String> script(String job) {
        return output(List.of("scontrol", "write", "batch_script", job, "-"));
    }

    /** Submits a batch job by these words, held, and returns its number; empty if Slurm has refused it. */
    public Optional<String> submitHeld(List<String> words) {
        List<String> all = new ArrayList<>(List.of("sbatch", "--parsable", "--hold"));
        all.addAll(words);
        return output(all).map(text -> text.strip().split(";", 2)[0]);
    }

    /** Lets a job start that was submitted held; whether Slurm has taken that. */
    public boolean release(String job) {
        return output(List.of("scontrol", "release", job)).isPresent();
    }

    /** Whether queueing our job again would do what its user wants: not once it was cancelled, or another run of it has begun. */
    public boolean mayRequeue() {
        return standing().map(now -> now.mayRequeue(restarts())).orElse(true);
    }

    /** Queues our job again, held if {@code hold}; whether Slurm has taken that. */
    public boolean requeue(boolean hold) {
        return output(List.of("scontrol", hold ? "requeuehold" : "requeue", unambiguous()))
                .isPresent();
    }

    /** Our job as commands must call it that change it: the number of the last task of an array is that of the whole array. */
    public String unambiguous() {
        return isTask()
                ? environment.getOrDefault("SLURM_ARRAY_JOB_ID", "")
                        + '_'
                        + environment.getOrDefault("SLURM_ARRAY_TASK_ID", "")
                : job();
    }

    /** Whether our job is a task of an array. */
    public boolean isTask() {
        return !environment.getOrDefault("SLURM_ARRAY_JOB_ID", "").isEmpty()
                && !environment.getOrDefault("SLURM_ARRAY_TASK_ID", "").isEmpty();
    }

    /** All jobs of ours that wait or run; empty if nobody says. */
    public Optional<Set<String>> queued() {
        return output(List.of("squeue", "-h", "--me", "-o", "%A"))
                .map(jobs -> jobs.lines().map(String::strip).collect(Collectors.toSet()));
    }

    /**
     * Lets the next step of our job have another number than that of the run of the job before. Slurm counts from 0 in each run,
     * and takes what it is told of an old step as said of the new one: an srun that was cut off and comes back would end it, and
     * slurmstepd's socket of a step that lost its power would be in its way.
     */
    public void skipSteps() {
        for (int left = job().isEmpty() ? 0 : restarts() % DIFFERENT_STEPS; left > 0; left--) {
            if (output(emptyStep()).isEmpty()) {
                return;
            }
        }
    }

    /** Options that the job has in its environment are not for this step. */
    private List<String> emptyStep() {
        List<String> words = new ArrayList<>(List.of("env", "-i"));
        for (String name : List.of("PATH", "HOME", "SLURM_JOB_ID", "SLURM_CONF")) {
            if (environment.containsKey(name)) {
                words.add(name + '=' + environment.get(name));
            }
        }
        words.addAll(List.of("srun", "--quiet", "-N1", "-n1", "--overlap", "--mpi=none", "--chdir=/", "true"));
        return words;
    }

    /** The step that an srun of this host has started, as JOB.STEP. */
    public Optional<String> stepOf(String host, long srun) {
        return output(List.of("scontrol", "-o", "show", "step")).flatMap(steps -> step(steps, host, srun));
    }

    static Optional<String> step(String steps, String host, long srun) {
        return steps.lines()
                .filter(line -> (line + ' ').contains("SrunHost:Pid=" + host + ':' + srun + ' '))
                .map(STEP::matcher)
                .filter(Matcher::find)
                .map(matcher -> matcher.group(1))
                .findFirst();
    }

    /** The nodes of our job as Slurm writes them, such as {@code n[1-3,7]}; empty: we are in none. */
    public String nodeList() {
        return environment.getOrDefault("SLURM_JOB_NODELIST", "");
    }

    /** The hosts of a list with commas; one with brackets as Slurm reads it. */
    public List<String> hosts(String list) {
        if (list.contains("[")) {
            return output(List.of("scontrol", "show", "hostnames", list))
                    .map(text -> text.lines().map(String::strip).toList())
                    .orElseThrow(() -> new CrException(
                            ErrorCode.USAGE, "only Slurm's scontrol can read " + list + "; write each host by itself"));
        }
        return Arrays.stream(list.split(","))
                .map(String::strip)
                .filter(host -> !host.isEmpty())
                .toList();
    }

    /** Slurm's daemons on the nodes of our job; none if nobody says. */
    public List<Slurmd> daemons() {
        String nodes = nodeList();
        if (nodes.isEmpty()) {
            return List.of();
        }
        int port = output(List.of("scontrol", "show", "config"))
                .map(Slurmd::usualPort)
                .orElse(0);
        return output(List.of("scontrol", "-o", "show", "node", nodes))
                .map(text -> Slurmd.read(text, port))
                .orElse(List.of());
    }

    private static Optional<String> output(List<String> command) {
        return ProgramOutput.of(command, PATIENCE);
    }
}
