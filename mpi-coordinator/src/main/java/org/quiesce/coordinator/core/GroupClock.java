// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.core;

/** How many collectives have been begun on a group. */
public record GroupClock(GroupId group, long sequence) {}
