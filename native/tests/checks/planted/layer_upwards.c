/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Planted violation: the base layer includes a header of a layer above it. */
#include "cr_state.h"
