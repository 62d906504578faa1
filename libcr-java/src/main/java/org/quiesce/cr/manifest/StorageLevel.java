// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

package org.quiesce.cr.manifest;

/**
 * A place where the images of a checkpoint are stored.
 *
 * @param name for example {@code shared} or {@code local}
 * @param location a directory or another address
 * @param complete whether all images are there
 */
public record StorageLevel(String name, String location, boolean complete) {}
