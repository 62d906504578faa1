// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.doctor;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What Slurm's commands say of a site.
 *
 * @param config of the cluster, by {@code scontrol show config}
 * @param partitions all of them, by {@code scontrol show partition}
 * @param nodes all of them
 * @param job the one in which we run; empty: none
 * @param mpi the kinds of MPI that srun knows; empty: it does not say
 */
record SlurmSite(
        Settings config, List<Settings> partitions, List<Settings> nodes, Optional<Settings> job, List<String> mpi) {
    private static final Pattern CONFIG_LINE = Pattern.compile("(\\S+)\\s+=\\s?(.*)");
    private static final Pattern PAIR = Pattern.compile("(\\S+?)=(\\S*)");

    /** Names and values. */
    record Settings(Map<String, String> values) {
        Settings {
            values = Map.copyOf(values);
        }

        /** Empty for what is not there and for what Slurm calls null. */
        String get(String name) {
            String value = values.getOrDefault(name, "");
            return value.equals("(null)") || value.equals("N/A") ? "" : value;
        }

        /** The number with which a value begins. */
        OptionalLong number(String name) {
            Matcher digits = Pattern.compile("([0-9]{1,15})\\b.*").matcher(get(name));
            return digits.matches() ? OptionalLong.of(Long.parseLong(digits.group(1))) : OptionalLong.empty();
        }

        /** Whether a list that is separated by commas has this word. */
        boolean lists(String name, String word) {
            return Stream.of(get(name).split(",")).map(String::strip).anyMatch(word::equalsIgnoreCase);
        }
    }

    /** Asks Slurm; empty if slurmctld does not answer. */
    static Optional<SlurmSite> ask(Sources sources, String job) {
        return sources.output(List.of("scontrol", "show", "config"))
                .map(config -> new SlurmSite(
                        config(config),
                        records(ask(sources, "scontrol", "-o", "show", "partition")),
                        records(ask(sources, "scontrol", "-o", "show", "node")),
                        job.isEmpty()
                                ? Optional.empty()
                                : records(ask(sources, "scontrol", "-o", "show", "job", job)).stream()
                                        .filter(record -> record.get("JobId").equals(job))
                                        .findFirst(),
                        mpi(ask(sources, "srun", "--mpi=list"))));
    }

    private static String ask(Sources sources, String... words) {
        return sources.output(List.of(words)).orElse("");
    }

    /** Reads one {@code Name = value} per line. */
    static Settings config(String text) {
        Map<String, String> values = new HashMap<>();
        text.lines()
                .map(CONFIG_LINE::matcher)
                .filter(Matcher::matches)
                .forEach(line -> values.put(line.group(1), line.group(2).strip()));
        return new Settings(values);
    }

    /** Reads one record of {@code Name=value} per line. Of values with blanks only the first word is kept. */
    static List<Settings> records(String text) {
        return text.lines()
                .filter(line -> line.contains("="))
                .map(SlurmSite::record)
                .toList();
    }

    private static Settings record(String line) {
        Map<String, String> values = new HashMap<>();
        Matcher pair = PAIR.matcher(line);
        while (pair.find()) {
            values.putIfAbsent(pair.group(1), pair.group(2));
        }
        return new Settings(values);
    }

    /** Reads the list that srun prints. */
    static List<String> mpi(String text) {
        return text.lines()
                .map(String::strip)
                .filter(line -> line.matches("[a-z0-9_]+"))
                .toList();
    }
}
