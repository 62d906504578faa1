// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

package org.quiesce.cr;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import org.junit.jupiter.api.Test;

class CriticalSectionTest {
    @Test
    void sectionsNestWithOrWithoutAnAgent() {
        assertThatCode(() -> {
                    try (CriticalSection outer = CriticalSection.enter();
                            CriticalSection inner = CriticalSection.tryEnter().orElseThrow()) {
                        assertThat(outer).isNotSameAs(inner);
                    }
                })
                .doesNotThrowAnyException();
    }

    @Test
    void aSecondCloseDoesNothing() {
        CriticalSection section = CriticalSection.enter();
        section.close();
        assertThatCode(section::close).doesNotThrowAnyException();
    }

    @Test
    void availabilityIsAskedWithoutAnException() {
        assertThat(Libcr.available()).isIn(true, false);
    }
}
