// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.core;

import org.quiesce.cr.ErrorCode;

/** Why a round failed. */
public record Failure(ErrorCode code, String text) {}
