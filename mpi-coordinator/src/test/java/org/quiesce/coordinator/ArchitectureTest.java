// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** Which package may know which. */
@AnalyzeClasses(packages = "org.quiesce.coordinator", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    private static final String BASE = "org.quiesce.coordinator";

    @ArchTest
    static final ArchRule layersAreNotMixed = layeredArchitecture()
            .consideringOnlyDependenciesInLayers()
            .layer("core")
            .definedBy(BASE + ".core")
            .layer("agent")
            .definedBy(BASE + ".agent")
            .layer("store")
            .definedBy(BASE + ".store")
            .layer("launch")
            .definedBy(BASE + ".launch")
            .layer("program")
            .definedBy(BASE + ".program")
            .layer("doctor")
            .definedBy(BASE + ".doctor")
            .layer("coordinator")
            .definedBy(BASE)
            .layer("bench")
            .definedBy(BASE + ".bench")
            .layer("rehearsal")
            .definedBy(BASE + ".rehearsal")
            .layer("cli")
            .definedBy(BASE + ".cli")
            .whereLayer("cli")
            .mayNotBeAccessedByAnyLayer()
            .whereLayer("coordinator")
            .mayOnlyBeAccessedByLayers("cli")
            .whereLayer("agent")
            .mayOnlyBeAccessedByLayers("coordinator", "bench", "rehearsal")
            .whereLayer("rehearsal")
            .mayOnlyBeAccessedByLayers("cli")
            .whereLayer("store")
            .mayOnlyBeAccessedByLayers("coordinator", "cli")
            .whereLayer("launch")
            .mayOnlyBeAccessedByLayers("coordinator", "cli")
            .whereLayer("program")
            .mayOnlyBeAccessedByLayers("launch", "doctor")
            .whereLayer("doctor")
            .mayOnlyBeAccessedByLayers("cli")
            .whereLayer("core")
            .mayOnlyBeAccessedByLayers("agent", "coordinator", "cli", "bench");

    @ArchTest
    static final ArchRule coreIsPure = noClasses()
            .that()
            .resideInAPackage(BASE + ".core")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                    "java.io..",
                    "java.nio..",
                    "java.net..",
                    "java.time..",
                    "java.util.concurrent..",
                    "io.netty..",
                    "com.fasterxml..",
                    "com.google.protobuf..",
                    "org.quiesce.wire..")
            .orShould()
            .callMethod(System.class, "nanoTime")
            .orShould()
            .callMethod(System.class, "currentTimeMillis");

    @ArchTest
    static final ArchRule nettyIsForSocketsOnly = noClasses()
            .that()
            .resideOutsideOfPackage(BASE + ".agent")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("io.netty..");

    @ArchTest
    static final ArchRule wordsOfTheCommandLineStayThere = noClasses()
            .that()
            .resideOutsideOfPackage(BASE + ".cli")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("org.apache.commons.cli..", "com.github.freva..");

    @ArchTest
    static final ArchRule commandsAreNotPromised = classes()
            .that()
            .haveSimpleNameEndingWith("Command")
            .and()
            .resideInAPackage(BASE + ".cli")
            .should()
            .notBePublic();
}
