// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.bench;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.quiesce.coordinator.agent.WireCommands;
import org.quiesce.coordinator.agent.WireEvents;
import org.quiesce.coordinator.core.Action;
import org.quiesce.coordinator.core.Event;
import org.quiesce.coordinator.core.Limits;
import org.quiesce.coordinator.core.Outcome;
import org.quiesce.coordinator.core.Phase;
import org.quiesce.coordinator.core.Round;
import org.quiesce.coordinator.core.RoundPlan;
import org.quiesce.wire.proto.Frame;

/**
 * Rounds of a large job, from the bytes of frames that nodes send to the bytes of frames that they get; no sockets. Half of
 * the ranks are one collective behind on the group of all, so that targets go out. Prints one JSON object.
 */
public final class RoundBenchmark {
    private static final int NODES = 1_000;
    private static final int RANKS_PER_NODE = 10;
    private static final int WARM_UP = 10;
    private static final int ROUNDS = 21;
    private static final double NANOS_PER_MILLI = 1e6;
    private static final long MEBI = 1L << 20;

    private final RoundPlan plan;
    private final SyntheticNodes nodes;
    private final WireCommands commands;
    private final Round round;
    private final Map<Phase, Long> nanos = new EnumMap<>(Phase.class);
    private List<byte[]> inbox = new ArrayList<>();
    private boolean committed;

    private RoundBenchmark(SyntheticNodes nodes, long number) {
        this.nodes = nodes;
        plan = new RoundPlan(number, 0, NODES * RANKS_PER_NODE, false, 0, Limits.DEFAULT);
        commands = new WireCommands(number);
        round = new Round(plan, System.nanoTime());
    }

    /** Measures and prints. */
    public static void main(String[] words) throws Exception {
        SyntheticNodes nodes = new SyntheticNodes(NODES, RANKS_PER_NODE);
        List<Double> worst = new ArrayList<>();
        long heap = 0;
        for (int i = 0; i < WARM_UP + ROUNDS; i++) {
            RoundBenchmark benchmark = new RoundBenchmark(nodes, i + 1L);
            benchmark.run();
            heap = Math.max(
                    heap,
                    Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory());
            if (i >= WARM_UP) {
                worst.add(benchmark.worstMillis());
            }
        }
        worst.sort(null);
        print(
                new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8),
                worst.get(worst.size() / 2),
                heap);
    }

    private static void print(PrintStream out, double millis, long heap) {
        out.printf(
                Locale.ROOT,
                "{\"nodes\": %d, \"ranks\": %d, \"worst_phase_millis\": %.2f, \"heap_mib\": %.1f}%n",
                NODES,
                NODES * RANKS_PER_NODE,
                millis,
                heap / (double) MEBI);
    }

    private double worstMillis() {
        return nanos.values().stream().mapToLong(Long::longValue).max().orElse(0) / NANOS_PER_MILLI;
    }

    /** What the nodes do is not counted; each turn is one look into a full inbox. */
    private void run() throws Exception {
        inbox = nodes.greetings();
        while (!committed) {
            List<byte[]> arrived = inbox;
            inbox = new ArrayList<>();
            Phase phase = round.phase();
            long begun = System.nanoTime();
            List<byte[]> sent = turn(arrived);
            nanos.merge(phase, System.nanoTime() - begun, Long::sum);
            for (byte[] frame : sent) {
                inbox.addAll(nodes.answer(Frame.parseFrom(frame), plan.round()));
            }
        }
    }

    private List<byte[]> turn(List<byte[]> arrived) throws Exception {
        List<byte[]> sent = new ArrayList<>();
        for (byte[] bytes : arrived) {
            Frame frame = Frame.parseFrom(bytes);
            int node = nodes.nodeOf(frame);
            WireEvents.of(node, frame, plan.round()).ifPresent(event -> apply(event, sent));
        }
        apply(new Event.Tick(), sent);
        return sent;
    }

    private void apply(Event event, List<byte[]> sent) {
        for (Action action : round.apply(event, System.nanoTime())) {
            if (action instanceof Action.WriteManifest) {
                apply(new Event.ManifestWritten(), sent);
            } else if (action instanceof Action.Finish finish) {
                committed = finish.outcome() instanceof Outcome.Committed;
            } else if (action instanceof Action.SendTargets targets) {
                sent.add(commands.targets(targets.rank(), targets.targets()).toByteArray());
            } else if (action instanceof Action.SendEnter enter) {
                sent.add(commands.enter(enter.phase()).toByteArray());
            } else if (action instanceof Action.SendBegin) {
                sent.add(commands.begin(org.quiesce.wire.proto.Begin.getDefaultInstance())
                        .toByteArray());
            }
        }
    }
}
