/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Whether a job was started with "-am ft-enable-cr" or "--tune ft-enable-cr", told from its environment. */
#ifndef CR_SCHIZO_SET_H
#define CR_SCHIZO_SET_H

/* 1 if ENVIRONMENT (may be NULL) names ft-enable-cr or ft-enable-cr-recovery among its parameter sets. */
int cr_schizo_set_chosen(char *const environment[]);

/* 1 if VARIABLE ("NAME=VALUE") is one of Quiesce's, which ranks on all nodes need. */
int cr_schizo_set_hands_on(const char *variable);

#endif
