// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.quiesce.coordinator.cli.ScontrolWords.Operation;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

class ScontrolWordsTest {
    private static ScontrolWords parse(String line) {
        return ScontrolWords.parse(line.isEmpty() ? List.of() : List.of(line.split(" ")));
    }

    @ParameterizedTest
    @CsvSource({
        "a,ABLE",
        "able,ABLE",
        "cr,CREATE",
        "Create,CREATE",
        "d,DISABLE",
        "en,ENABLE",
        "er,ERROR",
        "req,REQUEUE",
        "RES,RESTART",
        "v,VACATE",
        "vacate,VACATE"
    })
    void operationsMayBeAbbreviated(String word, Operation operation) {
        assertThat(parse("checkpoint " + word + " 12").operation()).isEqualTo(operation);
        assertThat(parse("ch " + word + " 12").operation()).isEqualTo(operation);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "show job 12",
                "c able 12",
                "checkpoint",
                "checkpoint able",
                "checkpoint e 12",
                "checkpoint r 12",
                "checkpoint re 12",
                "checkpoint c 12",
                "checkpoint complete 12",
                "checkpoint ables 12",
                "checkpoint able twelve",
                "checkpoint able 12.",
                "checkpoint able 12.batch",
                "checkpoint able 12 ImageDir=/a",
                "checkpoint disable 12 MaxWait=3",
                "checkpoint create 12 StickToNodes",
                "checkpoint create 12 MaxWait=soon",
                "checkpoint create 12 MaxWait=-1",
                "checkpoint create 12 nonsense",
                "checkpoint requeue 12.0",
                "checkpoint restart 12.0",
                "checkpoint restart 12 MaxWait=3"
            })
    void whatTheGrammarDoesNotHaveIsRefused(String line) {
        assertThat(catchThrowableOfType(CrException.class, () -> parse(line)).code())
                .isEqualTo(ErrorCode.USAGE);
    }

    @Test
    void optionsHaveTheirOldNamesInAnyMixtureOfCases() {
        ScontrolWords create = parse("checkpoint create 12.3 imagedir=/Scratch/A MAXWAIT=60");
        assertThat(create.id()).isEqualTo("12.3");
        assertThat(create.imageDirectory()).contains("/Scratch/A");
        assertThat(create.maxWaitSeconds()).isEqualTo(60);
        assertThat(parse("checkpoint vacate 12_3 ImageDir=").imageDirectory()).isEmpty();
        assertThat(parse("checkpoint vacate 12_3").maxWaitSeconds()).isEqualTo(10);
        ScontrolWords restart = parse("checkpoint restart 12 stickToNodes ImageDir=x");
        assertThat(restart.stickToNodes()).isTrue();
        assertThat(restart.imageDirectory()).contains("x");
        assertThat(parse("checkpoint restart 12").stickToNodes()).isFalse();
    }
}
