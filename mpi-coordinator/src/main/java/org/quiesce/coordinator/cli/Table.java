// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import com.github.freva.asciitable.AsciiTable;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Rows under headings. */
final class Table {
    private static final int KIBI = 1024;

    private final String[] headings;
    private final List<String[]> rows = new ArrayList<>();

    Table(String... headings) {
        this.headings = headings.clone();
    }

    void row(Object... cells) {
        String[] row = new String[cells.length];
        for (int i = 0; i < cells.length; i++) {
            row[i] = String.valueOf(cells[i]);
        }
        rows.add(row);
    }

    void print(PrintStream out) {
        out.println(AsciiTable.getTable(AsciiTable.NO_BORDERS, headings, new String[0], rows.toArray(String[][]::new))
                .replaceAll("(?m)[ \\t]+$", ""));
    }

    /** A size as people read it. */
    static String size(long bytes) {
        if (bytes < KIBI) {
            return bytes + " B";
        }
        double value = bytes;
        int unit = -1;
        while (value >= KIBI && unit < 3) {
            value /= KIBI;
            unit++;
        }
        return String.format(Locale.ROOT, "%.1f %ciB", value, "KMGT".charAt(unit));
    }
}
