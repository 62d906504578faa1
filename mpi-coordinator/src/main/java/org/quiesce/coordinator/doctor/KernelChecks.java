// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.doctor;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Features of the kernel and the processor. */
final class KernelChecks {
    private static final Pattern RELEASE = Pattern.compile("([0-9]+)\\.([0-9]+).*", Pattern.DOTALL);
    private static final int AT_HWCAP2 = 26;
    private static final long HWCAP2_FSGSBASE = 2;
    private static final int CHECKPOINT_RESTORE = 40;
    private static final int HEX = 16;

    private final Sources sources;

    KernelChecks(Sources sources) {
        this.sources = sources;
    }

    List<Finding> findings() {
        return List.of(
                release(),
                pageScan(),
                baseRegisters(),
                userNamespaces(),
                ptrace(),
                restoreCapability(),
                timeNamespaces(),
                timerIds());
    }

    private String releaseText() {
        return sources.text("/proc/sys/kernel/osrelease").orElse("unknown");
    }

    boolean atLeast(int major, int minor) {
        Matcher matcher = RELEASE.matcher(releaseText());
        if (!matcher.matches()) {
            return false;
        }
        int foundMajor = Integer.parseInt(matcher.group(1));
        return foundMajor > major || foundMajor == major && Integer.parseInt(matcher.group(2)) >= minor;
    }

    private Finding release() {
        return atLeast(5, 10)
                ? Finding.ok("kernel", releaseText())
                : Finding.missing("kernel", releaseText(), "Linux 5.10 or newer is needed");
    }

    private Finding pageScan() {
        return atLeast(6, 7)
                ? Finding.ok("PAGEMAP_SCAN", "kernel " + releaseText())
                : Finding.limited(
                        "PAGEMAP_SCAN",
                        "kernel " + releaseText(),
                        "since Linux 6.7; pages are found more slowly without");
    }

    /** Whether programs may write the FS base themselves: the kernel says so in the auxiliary vector. */
    private Finding baseRegisters() {
        boolean allowed =
                sources.bytes("/proc/self/auxv").map(KernelChecks::hasFsgsbase).orElse(false);
        return allowed
                ? Finding.ok("fsgsbase", "yes")
                : Finding.limited(
                        "fsgsbase",
                        "no",
                        "each MPI call costs two system calls more; remove nofsgsbase from the kernel's"
                                + " command line, if it is there");
    }

    private static boolean hasFsgsbase(byte[] auxiliaryVector) {
        ByteBuffer words = ByteBuffer.wrap(auxiliaryVector).order(ByteOrder.LITTLE_ENDIAN);
        while (words.remaining() >= 2 * Long.BYTES) {
            long type = words.getLong();
            long value = words.getLong();
            if (type == AT_HWCAP2) {
                return (value & HWCAP2_FSGSBASE) != 0;
            }
        }
        return false;
    }

    private Finding userNamespaces() {
        String most = sources.text("/proc/sys/user/max_user_namespaces").orElse("0");
        boolean forbidden = sources.text("/proc/sys/kernel/unprivileged_userns_clone")
                .map("0"::equals)
                .orElse(false);
        if (most.equals("0") || forbidden) {
            return Finding.limited(
                    "user namespaces",
                    "not permitted",
                    "cr_restart cannot give processes their old pids without CAP_CHECKPOINT_RESTORE; as root:"
                            + " sysctl user.max_user_namespaces=15000 kernel.unprivileged_userns_clone=1");
        }
        return Finding.ok("user namespaces", "permitted");
    }

    private Finding ptrace() {
        String scope = sources.text("/proc/sys/kernel/yama/ptrace_scope").orElse("0");
        return scope.equals("0") || scope.equals("1")
                ? Finding.ok("yama ptrace_scope", scope)
                : Finding.limited(
                        "yama ptrace_scope", scope, "processes that were not started by cr_run cannot be checkpointed");
    }

    private Finding restoreCapability() {
        String line = sources.text("/proc/self/status")
                .orElse("")
                .lines()
                .filter(text -> text.startsWith("CapEff:"))
                .findFirst()
                .orElse("CapEff: 0");
        long effective =
                Long.parseUnsignedLong(line.substring("CapEff:".length()).strip(), HEX);
        return (effective >> CHECKPOINT_RESTORE & 1) != 0
                ? Finding.ok("CAP_CHECKPOINT_RESTORE", "yes")
                : Finding.limited(
                        "CAP_CHECKPOINT_RESTORE",
                        "no",
                        "cr_restart uses a namespace to give processes their old pids;" + " MPI jobs do not need it");
    }

    private Finding timeNamespaces() {
        return sources.exists("/proc/self/ns/time")
                ? Finding.ok("time namespaces", "yes")
                : Finding.limited("time namespaces", "no", "CLOCK_MONOTONIC jumps at a restart on another boot");
    }

    private Finding timerIds() {
        return atLeast(6, 15)
                ? Finding.ok("timers with given ids", "kernel " + releaseText())
                : Finding.limited(
                        "timers with given ids",
                        "kernel " + releaseText(),
                        "since Linux 6.15; POSIX timers are put back more slowly without");
    }
}
