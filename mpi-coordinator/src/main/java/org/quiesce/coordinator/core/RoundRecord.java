// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.core;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.quiesce.cr.ErrorCode;

/** What a round remembers for its manifest and for whoever asks why it failed. */
final class RoundRecord {
    private static final int MOST_FAILURES = 16;
    private static final int MOST_WAITS_NAMED = 12;

    private final Map<Phase, Long> phaseMicros = new EnumMap<>(Phase.class);
    private final RankResult[] images;
    private final List<Failure> failures = new ArrayList<>();
    private int imageCount;
    private final WhoWaits waits = new WhoWaits();
    private final BitSet waiting = new BitSet();
    private long messages;

    RoundRecord(int worldSize) {
        images = new RankResult[worldSize];
    }

    void phaseEnded(Phase phase, long nanos) {
        phaseMicros.put(phase, nanos / 1_000);
    }

    void failed(ErrorCode code, String text) {
        if (failures.size() < MOST_FAILURES) {
            failures.add(new Failure(code, text));
        }
    }

    List<Failure> failures() {
        return failures;
    }

    void drained(int rank, RankResult.Drained drained) {
        messages += drained.messages();
        if (!drained.waitsIn().isEmpty()) {
            RankCall call = new RankCall(drained.waitsIn(), "", new GroupId(0, 0), List.of(), false);
            waits.add(rank, List.of(call), drained.waitsFor(), new BitSet());
            waiting.set(rank);
        }
    }

    /** If every rank only waits for a message and none is under way, nobody will ever send one. */
    private List<String> warnings() {
        if (waiting.cardinality() < images.length) {
            return List.of();
        }
        List<String> lines = waits.lines(
                waiting.stream().boxed().toList(),
                MOST_WAITS_NAMED,
                rank -> "rank " + rank + " is " + waits.describe(rank));
        return List.of("the job is deadlocked: all ranks wait for messages, and none is under way: "
                + String.join("; ", lines));
    }

    /** Keeps the record of a sealed image; says what is wrong with it, if anything. */
    Optional<String> sealed(RankResult result) {
        if (!result.image().named()) {
            return Optional.of("rank " + result.rank() + " names no proper image: \""
                    + result.image().file() + '"');
        }
        if (images[result.rank()] != null) {
            return Optional.of("rank " + result.rank() + " sealed its image twice");
        }
        images[result.rank()] = result;
        imageCount++;
        return Optional.empty();
    }

    boolean allSealed() {
        return imageCount == images.length;
    }

    Action.Summary summary(List<String> hosts, long releases) {
        return new Action.Summary(new EnumMap<>(phaseMicros), List.of(images), hosts, messages, releases, warnings());
    }
}
