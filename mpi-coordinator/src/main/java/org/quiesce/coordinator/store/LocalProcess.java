// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.store;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/** What {@code /proc} tells of the processes of this host. */
public final class LocalProcess {
    private static final int START_TIME_FIELD = 19;

    private LocalProcess() {}

    /**
     * When a process began, in clock ticks since boot; 0 when there is none, or only a zombie that nobody has waited for. With
     * the pid it names a process for ever.
     */
    public static long startTime(long pid) {
        try {
            return startTime(
                    Files.readString(Path.of("/proc", Long.toString(pid), "stat"), StandardCharsets.ISO_8859_1));
        } catch (IOException e) {
            return 0;
        }
    }

    /** Field 22 of a line of {@code /proc/PID/stat}; the name in parentheses may hold anything. */
    static long startTime(String stat) {
        String[] fields = stat.substring(stat.lastIndexOf(')') + 1).trim().split(" ");
        boolean zombie = fields[0].equals("Z");
        return fields.length > START_TIME_FIELD && !zombie ? Long.parseLong(fields[START_TIME_FIELD]) : 0;
    }

    /** Whether the process that had this pid and began then is still there. A start time of 0 is not compared. */
    public static boolean alive(long pid, long startTime) {
        long now = startTime(pid);
        return pid > 0 && now != 0 && (startTime == 0 || now == startTime);
    }

    /** The user of a process, if it exists. */
    public static OptionalInt owner(long pid) {
        try {
            return OptionalInt.of((Integer) Files.getAttribute(Path.of("/proc", Long.toString(pid)), "unix:uid"));
        } catch (IOException e) {
            return OptionalInt.empty();
        }
    }

    /** The words with which a process was started, if they can be read. */
    public static Optional<List<String>> arguments(long pid) {
        try {
            String words = Files.readString(Path.of("/proc", Long.toString(pid), "cmdline"), StandardCharsets.UTF_8);
            return words.isEmpty() ? Optional.empty() : Optional.of(List.of(words.split("\0")));
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /** The environment with which a process was started; empty when it cannot be read. */
    public static Map<String, String> environment(long pid) {
        Map<String, String> variables = new HashMap<>();
        try {
            String text = Files.readString(Path.of("/proc", Long.toString(pid), "environ"), StandardCharsets.UTF_8);
            for (String variable : text.split("\0")) {
                int equals = variable.indexOf('=');
                if (equals > 0) {
                    variables.put(variable.substring(0, equals), variable.substring(equals + 1));
                }
            }
        } catch (IOException e) {
            return Map.of();
        }
        return variables;
    }

    /** The name of this host. */
    public static String hostName() {
        try {
            return Files.readString(Path.of("/proc/sys/kernel/hostname")).strip();
        } catch (IOException e) {
            return "localhost";
        }
    }
}
