// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.store;

import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Properties;

/**
 * What lies beside the checkpoints of a job about its incarnations: which one may write there, and what all of them have
 * used.
 *
 * @param incarnation the newest; 0: there was none
 * @param holder where it runs
 * @param slurmRestarts how often Slurm had started the holder's job again
 * @param state what is known of it
 * @param usedMillis how long all incarnations have run, as far as they have said
 * @param interruptions how many of them have ended without saying so
 * @param begun the checkpoint that was begun last
 * @param losses how often hosts were lost without a new checkpoint in between
 */
public record Ledger(
        long incarnation,
        RunRecord.Place holder,
        int slurmRestarts,
        State state,
        long usedMillis,
        int interruptions,
        Begun begun,
        Losses losses) {
    /** Of a reference to which no incarnation has been given. */
    public static final Ledger NONE =
            new Ledger(0, new RunRecord.Place("", 0, 0, 0, "", ""), 0, State.ENDED, 0, 0, Begun.NONE, Losses.NONE);

    private static final String FILE = "ledger.properties";

    /** What is known of an incarnation. */
    public enum State {
        /** It has not said that it has ended. */
        RUNNING,
        /** It has ended after a checkpoint, to go on later. */
        PAUSED,
        /** It has ended by itself. */
        ENDED
    }

    /**
     * A checkpoint that may have been committed or not.
     *
     * @param by the incarnation; 0: none was begun
     * @param sequence its number
     */
    public record Begun(long by, int sequence) {
        /** No checkpoint. */
        static final Begun NONE = new Begun(0, -1);
    }

    /**
     * Runs in a row that were given up because a host of theirs could not be reached.
     *
     * @param newest the newest checkpoint at each of them; -1: there was none
     * @param times how many
     */
    public record Losses(int newest, int times) {
        /** No run. */
        static final Losses NONE = new Losses(-1, 0);

        Losses next(int now) {
            return new Losses(now, now == newest ? times + 1 : 1);
        }
    }

    Ledger taken(RunRecord.Place by, int restarts, boolean fresh) {
        boolean lost = state == State.RUNNING;
        boolean anew = fresh || state == State.ENDED;
        return new Ledger(
                incarnation + 1,
                by,
                restarts,
                State.RUNNING,
                anew ? 0 : usedMillis,
                interruptions + (lost ? 1 : 0),
                begun,
                anew ? Losses.NONE : losses);
    }

    Ledger handedTo(String slurmJob) {
        RunRecord.Place nobody = new RunRecord.Place("", 0, 0, 0, slurmJob, "");
        int lost = state == State.RUNNING ? 1 : 0;
        return new Ledger(incarnation, nobody, 0, State.PAUSED, usedMillis, interruptions + lost, begun, losses);
    }

    Ledger with(State now, long used) {
        return new Ledger(incarnation, holder, slurmRestarts, now, used, interruptions, begun, losses);
    }

    Ledger with(Begun now) {
        return new Ledger(incarnation, holder, slurmRestarts, state, usedMillis, interruptions, now, losses);
    }

    Ledger with(Losses now) {
        return new Ledger(incarnation, holder, slurmRestarts, state, usedMillis, interruptions, begun, now);
    }

    /** The number of the next checkpoint: the first one free, but none that an older incarnation has begun and may still write. */
    int next(int first) {
        return Math.max(first, begun.by() < incarnation ? begun.sequence() + 1 : begun.sequence());
    }

    static Ledger read(Path reference) throws IOException {
        try {
            Properties properties = DurableFiles.properties(reference.resolve(FILE));
            return new Ledger(
                    number(properties, "incarnation"),
                    new RunRecord.Place(
                            properties.getProperty("host", ""),
                            number(properties, "pid"),
                            number(properties, "start"),
                            0,
                            properties.getProperty("slurm", ""),
                            ""),
                    (int) number(properties, "slurmRestarts"),
                    State.valueOf(properties.getProperty("state", "").toUpperCase(Locale.ROOT)),
                    number(properties, "usedMillis"),
                    (int) number(properties, "interruptions"),
                    new Begun(
                            Long.parseLong(properties.getProperty("begunBy", "0")),
                            Integer.parseInt(properties.getProperty("begun", "-1"))),
                    new Losses(
                            Integer.parseInt(properties.getProperty("lostAt", "-1")),
                            Integer.parseInt(properties.getProperty("lost", "0"))));
        } catch (NoSuchFileException e) {
            return NONE;
        } catch (IllegalArgumentException e) {
            throw new IOException(FILE + " is damaged; if no job writes here, remove it", e);
        }
    }

    private static long number(Properties properties, String name) {
        return Long.parseLong(properties.getProperty(name, ""));
    }

    void write(Path reference) throws IOException {
        Properties properties = new Properties();
        properties.setProperty("incarnation", Long.toString(incarnation));
        properties.setProperty("host", holder.host());
        properties.setProperty("pid", Long.toString(holder.pid()));
        properties.setProperty("start", Long.toString(holder.startTime()));
        properties.setProperty("slurm", holder.slurm());
        properties.setProperty("slurmRestarts", Integer.toString(slurmRestarts));
        properties.setProperty("state", state.name().toLowerCase(Locale.ROOT));
        properties.setProperty("usedMillis", Long.toString(usedMillis));
        properties.setProperty("interruptions", Integer.toString(interruptions));
        properties.setProperty("begunBy", Long.toString(begun.by()));
        properties.setProperty("begun", Integer.toString(begun.sequence()));
        properties.setProperty("lostAt", Integer.toString(losses.newest()));
        properties.setProperty("lost", Integer.toString(losses.times()));
        String comment = "written by quiesce run; one incarnation of the job at a time may commit checkpoints here";
        DurableFiles.write(reference.resolve(FILE), DurableFiles.text(properties, comment));
    }
}
