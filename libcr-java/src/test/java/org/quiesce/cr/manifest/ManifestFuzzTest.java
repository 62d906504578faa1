// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

package org.quiesce.cr.manifest;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

/**
 * Feeds manifests to the reader that are wrong behind a right digest, as an attacker or a bug could write them: each is read, or
 * refused as damaged or too new, and nothing else happens.
 */
class ManifestFuzzTest {
    private static final int MUTATIONS = 10_000;
    private static final int MOST_EDITS = 4;
    private static final String INTERESTING = "{}[]\",:-+.eE0123456789\\\u0000\u00e4/ntfalsru";

    @ParameterizedTest(name = "seed {0}")
    @ValueSource(longs = {1, 2, 3})
    void aMutatedManifestIsReadOrRefused(long seed) {
        Random random = new Random(seed);
        String good = ManifestFileTest.text();
        int body = good.indexOf("\"format\"");
        for (int i = 0; i < MUTATIONS; i++) {
            StringBuilder text = new StringBuilder(good);
            for (int edits = 1 + random.nextInt(MOST_EDITS); edits > 0; edits--) {
                edit(text, body, random);
            }
            decode(ManifestFileTest.resealed(text.toString()));
        }
    }

    private static void decode(byte[] bytes) {
        try {
            ManifestFile.decode(bytes, "manifest.json");
        } catch (CrException refused) {
            assertThat(refused.code())
                    .as(new String(bytes, StandardCharsets.UTF_8))
                    .isIn(ErrorCode.DAMAGED, ErrorCode.IMAGE_VERSION);
        }
    }

    /** Overwrites, inserts, removes or repeats a piece behind the digest. */
    private static void edit(StringBuilder text, int body, Random random) {
        int at = body + random.nextInt(text.length() - body);
        int end = Math.min(text.length(), at + 1 + random.nextInt(20));
        char character = INTERESTING.charAt(random.nextInt(INTERESTING.length()));
        switch (random.nextInt(4)) {
            case 0 -> text.setCharAt(at, character);
            case 1 -> text.insert(at, character);
            case 2 -> text.delete(at, Math.min(end, text.length() - 1));
            default -> text.insert(at, text.substring(at, end));
        }
    }
}
