// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator;

import java.util.Optional;

/** This program. */
public final class Product {
    private Product() {}

    /** Its version. */
    public static String version() {
        return Optional.ofNullable(Product.class.getPackage().getImplementationVersion())
                .orElse("0 (not installed)");
    }
}
