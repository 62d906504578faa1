// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.doctor;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What the installed Open MPI can send messages by, and whether that has been seen to work with checkpoints. */
final class TransportChecks {
    private static final Pattern COMPONENT = Pattern.compile("mca:(btl|pml|mtl|osc):([a-z0-9_]+):version:.*");
    private static final Pattern PARAMETER = Pattern.compile("mca:[a-z]+:base:param:([a-z_]+):(value|source):(.*)");

    /** Neither sends anything itself. */
    private static final Set<String> NOT_TRANSPORTS = Set.of("ob1", "cm", "v", "monitoring", "rdma", "pt2pt", "sm");

    /** With the words that ask for a transport where the site's parameters leave it out. */
    private static final Map<String, String> WORKING = Map.of(
            "btl self", "",
            "btl vader", "",
            "btl tcp", "",
            "pml ucx", "over shared memory and TCP; --mca pml ucx --mca pml_ucx_tls any --mca pml_ucx_devices any",
            "osc ucx", "with pml ucx, over shared memory and TCP; --mca osc ucx,sm");

    private static final String ALLOW = "checkpoints are refused; use --mca pml ob1 --mca btl self,vader,tcp, or set"
            + " QUIESCE_UNTRIED_TRANSPORTS=1 at your own risk";
    private static final String ADAPTERS = "/sys/class/infiniband";

    private final Sources sources;
    private final Map<String, String> values = new HashMap<>();
    private final Set<String> components = new LinkedHashSet<>();

    /** From what {@code ompi_info --parsable --all --level 9} prints. */
    TransportChecks(Sources sources, String ompiInfo) {
        this.sources = sources;
        ompiInfo.lines().forEach(this::read);
    }

    static TransportChecks ofThisHost(Sources sources) {
        return new TransportChecks(
                sources,
                sources.output(List.of("ompi_info", "--parsable", "--all", "--level", "9"))
                        .orElse(""));
    }

    private void read(String line) {
        Matcher component = COMPONENT.matcher(line);
        Matcher parameter = PARAMETER.matcher(line);
        if (component.matches() && !NOT_TRANSPORTS.contains(component.group(2))) {
            components.add(component.group(1) + " " + component.group(2));
        } else if (parameter.matches()) {
            values.put(parameter.group(1) + ":" + parameter.group(2), parameter.group(3));
        }
    }

    List<Finding> findings() {
        List<Finding> findings = new ArrayList<>();
        components.stream().sorted().forEach(component -> add(findings, component));
        adapters().ifPresent(findings::add);
        findings.add(registrations());
        return findings;
    }

    private void add(List<Finding> findings, String component) {
        String what = "transport " + component;
        if (component.equals("mtl ofi")) {
            String asked = "--mca pml cm --mca mtl ofi --mca mtl_ofi_provider_include tcp";
            findings.add(Finding.ok(what + ": tcp, sockets", installed(component, asked)));
            findings.add(Finding.unsafe(
                    what + ": net, udp",
                    installed(component, ""),
                    "checkpoints are refused, because messages in flight cannot all be received; use " + asked));
            findings.add(Finding.untried(what + ": others", installed(component, ""), ALLOW));
        } else if (WORKING.containsKey(component)) {
            findings.add(Finding.ok(what, installed(component, WORKING.get(component))));
        } else {
            findings.add(Finding.untried(what, installed(component, ""), ALLOW));
        }
    }

    /** Whether it is used unless it is asked for, and how to ask. */
    private String installed(String component, String asked) {
        String framework = component.substring(0, component.indexOf(' '));
        String name = component.substring(framework.length() + 1);
        String selected = values.getOrDefault(framework + ":value", "");
        boolean out = selected.startsWith("^")
                ? List.of(selected.substring(1).split(",")).contains(name)
                : !selected.isEmpty() && !List.of(selected.split(",")).contains(name);
        String left = out ? "left out by " + framework + "=" + selected : "installed";
        return asked.isEmpty() ? left : left + "; " + asked;
    }

    /** With one of these in the host, pml ucx does not stay with shared memory and TCP. */
    private Optional<Finding> adapters() {
        List<String> names = sources.names(ADAPTERS);
        return names.isEmpty()
                ? Optional.empty()
                : Optional.of(Finding.untried(
                        "adapters", String.join(", ", names), "set UCX_TLS=^ib for pml ucx; otherwise " + ALLOW));
    }

    private Finding registrations() {
        String what = "registered memory";
        Predicate<String> kept =
                name -> values.getOrDefault(name + ":source", "").contains("override")
                        && !Set.of("false", "0").contains(values.getOrDefault(name + ":value", "0"));
        return List.of(
                                "mpi_leave_pinned",
                                "mpi_leave_pinned_pipeline",
                                "opal_leave_pinned",
                                "opal_leave_pinned_pipeline")
                        .stream()
                        .anyMatch(kept)
                ? Finding.missing(
                        what,
                        "kept by openmpi-mca-params-override.conf",
                        "ranks are refused, because their messages could be wrong; take mpi_leave_pinned out of it")
                : Finding.ok(
                        what, "not kept between calls: ranks run with the caches of Open MPI, UCX and libfabric off");
    }
}
