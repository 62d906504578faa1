/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Versions, for programs that ask for them at compile time. They name the release of BLCR whose interface libcr.h has; the
 * version of Quiesce itself is cr_available()'s and `cr_run --version`'s.
 */
#ifndef BLCR_COMMON_H
#define BLCR_COMMON_H

#define CR_RELEASE_MAJOR 0
#define CR_RELEASE_MINOR 8
#define CR_RELEASE_PATCH 6
#define CR_RELEASE_VERSION "0.8.6"

#define LIBCR_MAJOR 0
#define LIBCR_MINOR 5
#define LIBCR_PATCH 5
#define LIBCR_VERSION "0.5.5"

/* There is no kernel module; these are the numbers that belong to the release above. */
#define CR_MODULE_MAJOR 0
#define CR_MODULE_MINOR 10
#define CR_MODULE_PATCH 3
#define CR_MODULE_VERSION "0.10.3"

/* The signal that Quiesce keeps for itself: it cannot be blocked, and handlers for it are never called. */
#define CR_SIGNUM 61

#endif
