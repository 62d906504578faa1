// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

/**
 * What lies on disk beside images and manifests: the directories of jobs and of checkpoints, and how they come and go
 * without ever being half there. What a manifest or an image holds is not known here.
 */
@NullMarked
package org.quiesce.coordinator.store;

import org.jspecify.annotations.NullMarked;
