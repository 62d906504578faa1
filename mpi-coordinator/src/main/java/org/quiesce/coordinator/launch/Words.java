// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.launch;

import java.util.ArrayList;
import java.util.List;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

/** A line cut into words as a shell would, with quotes and backslashes and without any expansion; and back. */
public final class Words {
    private final List<String> words = new ArrayList<>();
    private final StringBuilder word = new StringBuilder();
    private boolean inWord;

    private Words() {}

    /** Cuts a line into words. */
    public static List<String> split(String line) {
        Words words = new Words();
        char quote = 0;
        for (int i = 0; i < line.length(); i++) {
            char c = line.charAt(i);
            if (c == '\\' && quote != '\'' && i + 1 < line.length()) {
                words.add(line.charAt(++i));
            } else if (quote != 0 && c == quote) {
                quote = 0;
            } else if (quote == 0 && (c == '\'' || c == '"')) {
                quote = c;
                words.inWord = true;
            } else if (quote == 0 && Character.isWhitespace(c)) {
                words.end();
            } else {
                words.add(c);
            }
        }
        if (quote != 0) {
            throw new CrException(ErrorCode.USAGE, "a quote is not closed in: " + line);
        }
        words.end();
        return List.copyOf(words.words);
    }

    private void add(char c) {
        word.append(c);
        inWord = true;
    }

    private void end() {
        if (inWord) {
            words.add(word.toString());
            word.setLength(0);
            inWord = false;
        }
    }

    /** A line that a shell cuts into these words. */
    public static String join(List<String> words) {
        StringBuilder line = new StringBuilder();
        for (String word : words) {
            line.append(line.length() == 0 ? "" : " ").append(quote(word));
        }
        return line.toString();
    }

    private static String quote(String word) {
        return word.matches("[A-Za-z0-9_@%+=:,./-]+") ? word : '\'' + word.replace("'", "'\\''") + '\'';
    }
}
