// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.core;

import static org.assertj.core.api.Assertions.assertThat;

import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;
import org.quiesce.coordinator.core.Timetable.Due;
import org.quiesce.coordinator.core.Timetable.Halt;
import org.quiesce.coordinator.core.Timetable.Wishes;

class TimetableTest {
    private static final long DAY = 86_400_000;

    private static Timetable wanting(long interval, long beforeEnd, long budget) {
        return new Timetable(new Wishes(interval, false, DAY, beforeEnd, budget), 1000);
    }

    @Test
    void withoutWishesNothingIsEverDue() {
        assertThat(wanting(0, 0, 0).due(Long.MAX_VALUE / 8)).isEqualTo(Due.NOTHING);
    }

    @Test
    void anIntervalCountsFromTheEndOfTheLastCheckpoint() {
        Timetable timetable = wanting(100, 0, 0);
        assertThat(timetable.due(1099)).isEqualTo(Due.NOTHING);
        assertThat(timetable.due(1100)).isEqualTo(Due.CHECKPOINT);
        timetable.tried(1150);
        assertThat(timetable.due(1249)).isEqualTo(Due.NOTHING);
        assertThat(timetable.due(1250)).isEqualTo(Due.CHECKPOINT);
    }

    @Test
    void theEndOfTheAllocationMayMove() {
        Timetable timetable = wanting(0, 500, 0);
        assertThat(timetable.due(900_000)).isEqualTo(Due.NOTHING);
        timetable.allocationEnds(10_000);
        assertThat(timetable.due(9499)).isEqualTo(Due.NOTHING);
        assertThat(timetable.due(9500)).isEqualTo(Due.END_OF_ALLOCATION);
        timetable.allocationEnds(20_000);
        assertThat(timetable.due(9500)).isEqualTo(Due.NOTHING);
    }

    @Test
    void aBudgetIsNotExceededByTheCheckpointItself() {
        Timetable timetable = wanting(0, 0, 100_000);
        assertThat(timetable.due(100_999)).isEqualTo(Due.NOTHING);
        assertThat(timetable.due(101_000)).isEqualTo(Due.END_OF_BUDGET);
        timetable.measured(10_000, 5_000);
        assertThat(timetable.due(75_999)).isEqualTo(Due.NOTHING);
        assertThat(timetable.due(76_000)).isEqualTo(Due.END_OF_BUDGET);
    }

    @Test
    void aCheckpointThatTakesLongerThanWasAskedForIsDueEarlierBeforeTheEnd() {
        Timetable timetable = wanting(0, 10_000, 0);
        timetable.allocationEnds(100_000);
        timetable.measured(20_000, 100);
        assertThat(timetable.due(54_000)).isEqualTo(Due.NOTHING);
        assertThat(timetable.due(56_000)).isEqualTo(Due.END_OF_ALLOCATION);
    }

    @Test
    void aHaltIsAtATimeBeforeATimeOrWithACheckpoint() {
        Timetable timetable = wanting(100, 0, 0);
        timetable.halt(new Halt(0, 1050, 0));
        assertThat(timetable.due(1049)).isEqualTo(Due.NOTHING);
        assertThat(timetable.due(1050)).isEqualTo(Due.HALT);
        timetable.halt(new Halt(0, 0, 60_000));
        timetable.tried(49_990);
        timetable.measured(2_500, 10);
        assertThat(timetable.due(49_999)).isEqualTo(Due.NOTHING);
        assertThat(timetable.due(50_000)).isEqualTo(Due.HALT);
        timetable.halt(new Halt(2, 0, 0));
        assertThat(timetable.due(50_090)).isEqualTo(Due.CHECKPOINT);
        timetable.halt(new Halt(1, 0, 0));
        assertThat(timetable.due(50_090)).isEqualTo(Due.HALT);
        assertThat(timetable.due(50_000)).isEqualTo(Due.NOTHING);
        timetable.halt(new Halt(-1, 0, 0));
        assertThat(timetable.due(50_000)).isEqualTo(Due.HALT);
        timetable.halt(Halt.NONE);
        assertThat(timetable.due(50_000)).isEqualTo(Due.NOTHING);
    }

    @Test
    void beforeATimeOneCheckpointIsTakenToKnowWhatTheLastOneWillCost() {
        Timetable timetable = wanting(0, 0, 0);
        assertThat(timetable.due(2_000)).isEqualTo(Due.NOTHING);
        timetable.halt(new Halt(0, 0, 600_000));
        assertThat(timetable.due(2_000)).isEqualTo(Due.CHECKPOINT);
        timetable.tried(3_000);
        assertThat(timetable.due(12_999)).isEqualTo(Due.NOTHING);
        assertThat(timetable.due(13_000)).isEqualTo(Due.CHECKPOINT);
        timetable.measured(0, 0);
        timetable.tried(14_000);
        assertThat(timetable.due(594_000)).isEqualTo(Due.NOTHING);
        assertThat(timetable.due(600_000)).isEqualTo(Due.HALT);
    }

    @Test
    void theAutomaticIntervalFollowsFromWhatTheFirstCheckpointHasCost() {
        Timetable timetable = new Timetable(new Wishes(0, true, DAY, 0, 0), 0);
        assertThat(timetable.due(299_999)).isEqualTo(Due.NOTHING);
        assertThat(timetable.due(300_000)).isEqualTo(Due.CHECKPOINT);
        timetable.measured(20_000, 10_000);
        timetable.tried(320_000);
        long interval = Daly.interval(10_000, DAY);
        assertThat(timetable.due(320_000 + interval - 1)).isEqualTo(Due.NOTHING);
        assertThat(timetable.due(320_000 + interval)).isEqualTo(Due.CHECKPOINT);
    }

    @Test
    void dalysIntervalIsNearYoungsForCheapCheckpointsAndNeverBeyondTheMean() {
        assertThat(Daly.interval(1_000, DAY))
                .isCloseTo((long) Math.sqrt(2.0 * 1_000 * DAY), Percentage.withPercentage(10));
        assertThat(Daly.interval(DAY, DAY / 2)).isEqualTo(DAY / 2);
        assertThat(Daly.interval(1, 1_000_000)).isPositive();
    }
}
