// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.launch;

import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

/** Lengths of time as users write them. */
public final class Interval {
    private static final Pattern NUMBER = Pattern.compile("([0-9]{1,7})(ms|s|m|h|d)?");
    private static final Pattern CLOCK = Pattern.compile("(?:([0-9]{1,4}):)?([0-9]{1,4}):([0-9]{2})");

    private Interval() {}

    /** Reads {@code 90}, {@code 90s}, {@code 15m}, {@code 2h}, {@code 1d}, {@code mm:ss} or {@code hh:mm:ss}. */
    public static Duration parse(String text) {
        Matcher number = NUMBER.matcher(text);
        Matcher clock = CLOCK.matcher(text);
        Duration duration = Duration.ZERO;
        if (number.matches()) {
            long count = Long.parseLong(number.group(1));
            String unit = number.group(2) == null ? "s" : number.group(2);
            duration = switch (unit) {
                case "ms" -> Duration.ofMillis(count);
                case "m" -> Duration.ofMinutes(count);
                case "h" -> Duration.ofHours(count);
                case "d" -> Duration.ofDays(count);
                default -> Duration.ofSeconds(count);
            };
        } else if (clock.matches()) {
            long hours = clock.group(1) == null ? 0 : Long.parseLong(clock.group(1));
            duration = Duration.ofHours(hours)
                    .plusMinutes(Long.parseLong(clock.group(2)))
                    .plusSeconds(Long.parseLong(clock.group(3)));
        }
        if (duration.isZero()) {
            throw new CrException(
                    ErrorCode.USAGE, "\"" + text + "\" is no length of time such as 90s, 15m, 2h or 1:30:00");
        }
        return duration;
    }
}
