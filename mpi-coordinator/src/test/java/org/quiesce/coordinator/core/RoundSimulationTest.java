// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.core;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.quiesce.cr.ErrorCode;

/** Rounds over simulated jobs whose programs are legal and otherwise random. */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class RoundSimulationTest {
    private static final int SEEDS = 300;
    private static final Limits PATIENT = new Limits(3_600_000, 3_600_000, 3_600_000, 3_600_000, 36_000_000);

    @ParameterizedTest(name = "seeds {0}00 to {0}99 of 300")
    @ValueSource(ints = {0, 1, 2})
    void everyLegalProgramConvergesAndGoesOnToItsEnd(int hundred) {
        for (int seed = hundred * SEEDS / 3; seed < (hundred + 1) * SEEDS / 3; seed++) {
            runProgram(seed);
        }
    }

    private static void runProgram(long seed) {
        Timeline timeline = new Timeline(seed);
        int ranks = 1 + timeline.random().nextInt(24);
        int groups = 1 + timeline.random().nextInt(6);
        Program program = Program.random(ranks, groups, 20 + timeline.random().nextInt(300), timeline.random());
        SimulatedJob job =
                new SimulatedJob(timeline, program, 1 + timeline.random().nextInt(4), 2_000_000);
        job.start();
        for (int sequence = 0; sequence < 3; sequence++) {
            letTimePass(timeline, 5_000_000);
            SimulatedCluster cluster = new SimulatedCluster(job, 500_000, SimulatedCluster.Fault.NONE);
            cluster.begin(new RoundPlan(sequence + 1, sequence, ranks, false, 0, PATIENT));
            assertThat(cluster.runToEnd()).as("seed %d", seed).isInstanceOf(Outcome.Committed.class);
        }
        finish(timeline);
        assertThat(job.finished()).as("seed %d: the program ends", seed).isTrue();
    }

    private static void letTimePass(Timeline timeline, long nanos) {
        boolean[] over = {false};
        timeline.in(timeline.delay(nanos), () -> over[0] = true);
        while (!over[0]) {
            timeline.step();
        }
    }

    private static void finish(Timeline timeline) {
        while (timeline.step()) {
            // until nothing is due
        }
    }

    @ParameterizedTest(name = "{0}, seeds 0 to 149")
    @EnumSource(SimulatedCluster.Fault.class)
    void aFaultFailsTheRoundAndNeverTheJob(SimulatedCluster.Fault fault) {
        Map<ErrorCode, Integer> seen = new EnumMap<>(ErrorCode.class);
        for (int seed = 0; seed < 150; seed++) {
            Timeline timeline = new Timeline(seed);
            int ranks = 2 + timeline.random().nextInt(16);
            Program program = Program.random(ranks, 3, 100, timeline.random());
            SimulatedJob job = new SimulatedJob(timeline, program, 3, 2_000_000);
            job.start();
            SimulatedCluster cluster = new SimulatedCluster(job, 500_000, fault);
            cluster.begin(new RoundPlan(1, 0, ranks, false, 0, PATIENT));
            if (cluster.runToEnd() instanceof Outcome.Failed failed) {
                seen.merge(failed.failures().get(0).code(), 1, Integer::sum);
            }
            finish(timeline);
            boolean killed = fault == SimulatedCluster.Fault.RANK_DIES || fault == SimulatedCluster.Fault.NODE_DIES;
            assertThat(killed || job.finished())
                    .as("seed %d: the program ends", seed)
                    .isTrue();
        }
        assertThat(seen.isEmpty()).isEqualTo(fault == SimulatedCluster.Fault.NONE);
    }

    @ParameterizedTest(name = "seed {0}")
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void aLimitEndsARoundThatCannotConvergeInTime(long seed) {
        Timeline timeline = new Timeline(seed);
        Program program = Program.random(8, 3, 400, timeline.random());
        SimulatedJob job = new SimulatedJob(timeline, program, 2, 2_000_000_000L);
        job.start();
        letTimePass(timeline, 5_000_000_000L);
        SimulatedCluster cluster = new SimulatedCluster(job, 500_000, SimulatedCluster.Fault.NONE);
        cluster.begin(new RoundPlan(1, 0, 8, false, 0, PATIENT.withRound(5)));
        Outcome outcome = cluster.runToEnd();
        assertThat(outcome).isInstanceOf(Outcome.Failed.class);
        assertThat(((Outcome.Failed) outcome).failures().get(0).code()).isEqualTo(ErrorCode.TIMEOUT);
        finish(timeline);
        assertThat(job.finished()).isTrue();
    }

    @Test
    void aHundredThousandRanksOnAThousandNodesConverge() {
        Timeline timeline = new Timeline(7);
        Program program = Program.grid(316, 2);
        SimulatedJob job = new SimulatedJob(timeline, program, 100, 2_000_000);
        job.start();
        letTimePass(timeline, 5_000_000);
        SimulatedCluster cluster = new SimulatedCluster(job, 500_000, SimulatedCluster.Fault.NONE);
        cluster.begin(new RoundPlan(1, 0, job.rankCount(), false, 0, PATIENT));
        assertThat(cluster.runToEnd()).isInstanceOf(Outcome.Committed.class);
        assertThat(cluster.applyNanos() / 1_000_000)
                .as("milliseconds for %d events", cluster.events())
                .isLessThan(20_000);
    }
}
