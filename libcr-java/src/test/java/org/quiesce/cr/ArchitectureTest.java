// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

package org.quiesce.cr;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** Which part of the library may know which other. */
@AnalyzeClasses(packages = "org.quiesce.cr", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    @ArchTest
    static final ArchRule READERS_NEED_NO_NATIVE_CODE = noClasses()
            .that()
            .resideInAnyPackage("org.quiesce.cr.image..", "org.quiesce.cr.manifest..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("com.sun.jna..", "org.quiesce.cr.jna..");

    @ArchTest
    static final ArchRule IMAGES_DO_NOT_KNOW_MANIFESTS = noClasses()
            .that()
            .resideInAPackage("org.quiesce.cr.image..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("org.quiesce.cr.manifest..", "org.quiesce.wire..");

    @ArchTest
    static final ArchRule JSON_IS_FOR_MANIFESTS = noClasses()
            .that()
            .resideOutsideOfPackage("org.quiesce.cr.manifest..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("com.fasterxml.jackson..");
}
