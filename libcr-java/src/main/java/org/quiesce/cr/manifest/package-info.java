// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

/**
 * The global context manifest, {@code manifest.json}: what a checkpoint of a job consists of. A checkpoint exists when its
 * manifest does. Who writes images, and where checkpoints lie, is not known here.
 */
@NullMarked
package org.quiesce.cr.manifest;

import org.jspecify.annotations.NullMarked;
