// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.launch;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

/**
 * Where the options of srun end and the program begins, as getopt_long finds it: options of Slurm 22.05, the first word that
 * is none is the program, long names may be cut short.
 *
 * @param options in order
 * @param program index of the program's first word; the number of words if there is none
 */
record SrunOptions(List<Given> options, int program) {
    private static final String VALUE = "AbBcCdDeFGiJLmMnNopqrStTwWx";
    private static final String PERHAPS = "IkK";
    private static final String FLAG = "EHlOQsuvXZhV";

    private static final Set<String> LONG_VALUE = Set.of(("account acctg-freq accel-bind attach batch bb bbf"
                    + " bcast-exclude begin chdir checkpoint checkpoint-dir cluster cluster-constraint clusters comment"
                    + " constraint container core-spec cores-per-socket cpu-bind cpu-freq cpu_bind cpus-per-gpu"
                    + " cpus-per-task deadline delay-boot dependency distribution epilog error exclude export"
                    + " extra-node-info gid gpu-bind gpu-freq gpus gpus-per-node gpus-per-socket gpus-per-task gres"
                    + " gres-flags het-group hint input job-name jobid licenses mail-type mail-user mcs-label mem mem-bind"
                    + " mem-per-cpu mem-per-gpu mem_bind mincores mincpus minsockets minthreads mpi msg-timeout network"
                    + " nodefile nodelist nodes ntasks ntasks-per-core ntasks-per-gpu ntasks-per-node ntasks-per-socket"
                    + " ntasks-per-tres open-mode output partition plane-size power prefer priority profile prolog qos"
                    + " relative reservation restart-dir signal slurmd-debug sockets-per-node switches task-epilog"
                    + " task-prolog thread-spec threads threads-per-core time time-min tmp tres-per-job tres-per-node"
                    + " tres-per-socket tres-per-task uid wait wckey")
            .split(" "));
    private static final Set<String> LONG_PERHAPS = Set.of(
            ("bcast compress exclusive immediate kill-on-bad-exit nice" + " no-kill propagate resv-ports send-libs x11")
                    .split(" "));
    private static final Set<String> LONG_FLAG = Set.of(("contiguous debugger-test disable-status exact help hold"
                    + " interactive label multi-prog no-allocate overcommit overlap oversubscribe preserve-env pty"
                    + " quiet quit-on-interrupt reboot share spread-job test-only unbuffered usage use-min-nodes verbose"
                    + " version whole")
            .split(" "));
    private static final List<String> LETTERS = List.of(("A account b begin B extra-node-info c cpus-per-task"
                    + " C constraint d dependency D chdir e error F nodefile G gpus i input J job-name L licenses"
                    + " m distribution M clusters n ntasks N nodes o output p partition q qos r relative S core-spec"
                    + " t time T threads w nodelist W wait x exclude I immediate k no-kill K kill-on-bad-exit")
            .split(" "));

    /** Copies the list. */
    SrunOptions {
        options = List.copyOf(options);
    }

    /**
     * One option as the user wrote it.
     *
     * @param name its long name, or its letter if that stands for a flag
     * @param value what it was given; empty if nothing
     * @param words it and, if that is a word of its own, its value
     */
    record Given(String name, String value, List<String> words) {}

    /** Reads the words behind {@code srun}, which is the first. */
    static SrunOptions read(List<String> words) {
        List<Given> found = new ArrayList<>();
        int at = 1;
        while (at < words.size()
                && words.get(at).startsWith("-")
                && !words.get(at).equals("-")) {
            if (words.get(at).equals("--")) {
                return new SrunOptions(found, at + 1);
            }
            List<Given> given = words.get(at).startsWith("--") ? longOption(words, at) : letters(words, at);
            found.addAll(given);
            at += given.get(given.size() - 1).words().size();
        }
        return new SrunOptions(found, at);
    }

    private static List<Given> longOption(List<String> words, int at) {
        String word = words.get(at);
        int equals = word.indexOf('=');
        String name = complete(equals < 0 ? word.substring(2) : word.substring(2, equals), word, equals >= 0);
        if (equals >= 0) {
            return List.of(new Given(name, word.substring(equals + 1), List.of(word)));
        }
        return List.of(
                LONG_VALUE.contains(name) ? withNext(name, word, words, at) : new Given(name, "", List.of(word)));
    }

    private static Given withNext(String name, String word, List<String> words, int at) {
        if (at + 1 >= words.size()) {
            throw usage("srun's option " + word + " needs a value");
        }
        return new Given(name, words.get(at + 1), List.of(word, words.get(at + 1)));
    }

    /** The long name that this begins; an unknown one is an option of a plugin, of which only {@code --x=value} is clear. */
    private static String complete(String begin, String word, boolean clear) {
        if (LONG_VALUE.contains(begin) || LONG_PERHAPS.contains(begin) || LONG_FLAG.contains(begin)) {
            return begin;
        }
        List<String> possible = Stream.of(LONG_VALUE, LONG_PERHAPS, LONG_FLAG)
                .flatMap(Set::stream)
                .filter(name -> name.startsWith(begin))
                .sorted()
                .toList();
        boolean oneKind = possible.stream().map(LONG_VALUE::contains).distinct().count() == 1;
        if (clear || possible.size() == 1 || !possible.isEmpty() && oneKind) {
            return possible.isEmpty() ? begin : possible.get(0);
        }
        throw usage("cannot tell whether srun's option " + word + " takes a value"
                + (possible.isEmpty() ? "" : ", it may be any of " + possible)
                + "; write it as " + word + "=VALUE, or wholly");
    }

    /** Several letters may share a word; here each gets a word of its own. */
    private static List<Given> letters(List<String> words, int at) {
        String word = words.get(at);
        List<Given> found = new ArrayList<>();
        for (int i = 1; i < word.length(); i++) {
            char letter = word.charAt(i);
            String rest = word.substring(i + 1);
            if (FLAG.indexOf(letter) >= 0) {
                found.add(new Given(String.valueOf(letter), "", List.of("-" + letter)));
            } else if (VALUE.indexOf(letter) >= 0 && rest.isEmpty()) {
                found.add(withNext(name(letter), "-" + letter, words, at));
            } else if (VALUE.indexOf(letter) >= 0 || PERHAPS.indexOf(letter) >= 0) {
                found.add(new Given(name(letter), rest, List.of("-" + letter + rest)));
                return found;
            } else {
                throw usage("srun has no option -" + letter + " that is known here; write its long name");
            }
        }
        return found;
    }

    private static String name(char letter) {
        return LETTERS.get(LETTERS.indexOf(String.valueOf(letter)) + 1);
    }

    /** The value of an option, the last one counts; empty if it is not there or has none. */
    String value(String name) {
        return options.stream()
                .filter(option -> option.name().equals(name))
                .map(Given::value)
                .reduce("", (before, last) -> last);
    }

    /** Whether an option is there. */
    boolean has(String... names) {
        return options.stream().anyMatch(option -> Stream.of(names).anyMatch(option.name()::equals));
    }

    private static CrException usage(String text) {
        return new CrException(ErrorCode.USAGE, text);
    }
}
