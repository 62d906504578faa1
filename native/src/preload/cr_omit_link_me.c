/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. What makes libcr_omit.so of the agent: its process, and what that starts, leave every checkpoint. And the
 * name by which a linker can be told to keep it: -lcr_omit -u cr_omit_link_me.
 */
extern int cr_agent_omits;

__attribute__((visibility("default"))) void cr_omit_link_me(void);

__attribute__((visibility("default"))) void cr_omit_link_me(void)
{
}

/* Before the agent is started. */
__attribute__((constructor(101))) static void omit(void)
{
    cr_agent_omits = 1;
}
