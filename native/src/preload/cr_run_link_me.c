/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. The name by which a linker can be told to keep libcr_run.so: -lcr_run -u cr_run_link_me. */
__attribute__((visibility("default"))) void cr_run_link_me(void);

__attribute__((visibility("default"))) void cr_run_link_me(void)
{
}
