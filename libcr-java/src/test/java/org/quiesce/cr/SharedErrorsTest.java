// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

package org.quiesce.cr;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Java and C know the same errors. */
class SharedErrorsTest {
    private static final Path DEFINITIONS = Path.of("../native/include/libcr_errors.def");
    private static final Pattern ROW =
            Pattern.compile("^CR_ERROR\\(CR_E(\\w+), (\\d+), (\\w+), \"(.*)\"\\)$", Pattern.MULTILINE);

    @Test
    void theEnumHoldsExactlyTheRowsOfTheDefinitions() throws IOException {
        List<String> inC = ROW.matcher(Files.readString(DEFINITIONS))
                .results()
                .map(SharedErrorsTest::row)
                .toList();
        List<String> inJava = Stream.of(ErrorCode.values())
                .map(code ->
                        code.name().replace("_", "") + " " + code.number() + " " + code.category() + " " + code.words())
                .toList();
        assertThat(inJava).isNotEmpty().containsExactlyElementsOf(inC);
    }

    private static String row(MatchResult row) {
        return row.group(1) + " " + row.group(2) + " " + row.group(3) + " " + row.group(4);
    }

    @Test
    void numbersFromCAreFoundWithEitherSign() {
        assertThat(ErrorCode.fromNative(1301)).isEqualTo(ErrorCode.DAMAGED);
        assertThat(ErrorCode.fromNative(-1301)).isEqualTo(ErrorCode.DAMAGED);
        assertThat(ErrorCode.fromNative(28)).isEqualTo(ErrorCode.WRITE);
        assertThat(ErrorCode.fromNative(13)).isEqualTo(ErrorCode.PERMISSION);
        assertThat(ErrorCode.fromNative(1999)).isEqualTo(ErrorCode.INTERNAL);
    }

    @Test
    void eachErrorEndsTheCommandAsTheContractSays() {
        assertThat(ExitCode.of(ErrorCode.USAGE).value()).isEqualTo(2);
        assertThat(ExitCode.of(ErrorCode.NO_AGENT).value()).isEqualTo(3);
        assertThat(ExitCode.of(ErrorCode.BUSY).value()).isEqualTo(4);
        assertThat(ExitCode.of(ErrorCode.DISABLED).value()).isEqualTo(4);
        assertThat(ExitCode.of(ErrorCode.REFUSED).value()).isEqualTo(4);
        assertThat(ExitCode.of(ErrorCode.TIMEOUT).value()).isEqualTo(5);
        assertThat(ExitCode.of(ErrorCode.RANK_LOST).value()).isEqualTo(1);
        assertThat(ExitCode.of(ErrorCode.WRITE).value()).isEqualTo(1);
        assertThat(ExitCode.of(ErrorCode.INCOMPLETE).value()).isEqualTo(7);
        assertThat(ExitCode.of(ErrorCode.CPU).value()).isEqualTo(8);
        assertThat(ExitCode.of(ErrorCode.AUTH).value()).isEqualTo(9);
    }
}
