// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * What {@code scontrol checkpoint OP ID [ImageDir=DIR] [MaxWait=SECONDS] [StickToNodes]} said, in any mixture of cases.
 *
 * @param id JOB or JOB.STEP
 * @param imageDirectory where references lie, as it was given
 * @param maxWaitSeconds the longest that the checkpoint may take; 0: as long as any checkpoint may
 * @param stickToNodes whether the job is to run on the same nodes again
 */
record ScontrolWords(
        Operation operation, String id, Optional<String> imageDirectory, long maxWaitSeconds, boolean stickToNodes) {
    private static final long USUAL_SECONDS = 10;
    private static final String ENTITY = "checkpoint";
    private static final int ENTITY_LEAST = 2;
    private static final String IMAGE_DIRECTORY = "imagedir=";
    private static final String MAX_WAIT = "maxwait=";
    private static final String STICK = "sticktonodes";

    /** What is to be done. It may be abbreviated, but not to less than makes it clear. */
    enum Operation {
        ABLE(1),
        CREATE(2),
        DISABLE(1),
        ENABLE(2),
        ERROR(2),
        REQUEUE(3),
        RESTART(3),
        VACATE(1);

        private final int least;

        Operation(int least) {
            this.least = least;
        }

        private boolean isCalled(String word) {
            return word.length() >= least && title().startsWith(word.toLowerCase(Locale.ROOT));
        }

        String title() {
            return name().toLowerCase(Locale.ROOT);
        }

        boolean takesImages() {
            return takesLimit() || this == RESTART;
        }

        boolean takesLimit() {
            return this == CREATE || this == REQUEUE || this == VACATE;
        }

        /** Whether a step can be meant as well as a job. */
        boolean takesSteps() {
            return this != REQUEUE && this != RESTART;
        }
    }

    static ScontrolWords parse(List<String> words) {
        if (words.isEmpty() || !isEntity(words.get(0))) {
            throw Command.usage((words.isEmpty() ? "nothing" : "\"" + words.get(0) + "\"")
                    + " is asked for; the only keyword here is checkpoint, all others are those of Slurm's scontrol");
        }
        if (words.size() < 3) {
            throw Command.usage("too few words; say: scontrol checkpoint OP JOB[.STEP]");
        }
        Operation operation = operation(words.get(1));
        return options(operation, id(operation, words.get(2)), words.subList(3, words.size()));
    }

    private static boolean isEntity(String word) {
        return word.length() >= ENTITY_LEAST && ENTITY.startsWith(word.toLowerCase(Locale.ROOT));
    }

    private static Operation operation(String word) {
        return Arrays.stream(Operation.values())
                .filter(known -> known.isCalled(word))
                .findFirst()
                .orElseThrow(() -> Command.usage("invalid checkpoint operation: " + word + "; there are "
                        + String.join(
                                ", ",
                                Arrays.stream(Operation.values())
                                        .map(Operation::title)
                                        .toList())));
    }

    private static String id(Operation operation, String word) {
        if (!word.matches("[0-9]{1,10}(_[0-9]{1,10})?(\\.[0-9]{1,10})?")) {
            throw Command.usage("invalid job or step: " + word + "; give a number JOB or JOB.STEP");
        }
        if (word.contains(".") && !operation.takesSteps()) {
            throw Command.usage(operation.title() + " takes a job, and not a step: " + word);
        }
        return word;
    }

    private static ScontrolWords options(Operation operation, String id, List<String> words) {
        Optional<String> directory = Optional.empty();
        long seconds = USUAL_SECONDS;
        boolean stick = false;
        for (String word : words) {
            String lower = word.toLowerCase(Locale.ROOT);
            if (operation.takesImages() && lower.startsWith(IMAGE_DIRECTORY)) {
                directory =
                        Optional.of(word.substring(IMAGE_DIRECTORY.length())).filter(text -> !text.isEmpty());
            } else if (operation.takesLimit() && lower.matches(MAX_WAIT + "[0-9]{1,9}")) {
                seconds = Long.parseLong(lower.substring(MAX_WAIT.length()));
            } else if (operation == Operation.RESTART && lower.equals(STICK)) {
                stick = true;
            } else {
                throw Command.usage("invalid input for " + operation.title() + ": " + word);
            }
        }
        return new ScontrolWords(operation, id, directory, seconds, stick);
    }
}
