/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Which jobs ask for checkpoints, told from the environments that mpirun makes for -am and --tune. */
#include "cr_schizo_set.h"
#include "tap.h"

#define AM "OMPI_MCA_mca_base_param_file_prefix="
#define TUNE "OMPI_MCA_mca_base_envar_file_prefix="

static int chosen(const char *variable)
{
    char *environment[] = {(char *)"HOME=/ft-enable-cr", (char *)variable, NULL};

    return cr_schizo_set_chosen(environment);
}

int main(void)
{
    char *nothing[] = {NULL};

    tap_ok(chosen(AM "ft-enable-cr"), "mpirun -am ft-enable-cr");
    tap_ok(chosen(TUNE "ft-enable-cr"), "mpirun --tune ft-enable-cr");
    tap_ok(chosen(AM "ft-enable-cr-recovery"), "the set for recovery");
    tap_ok(chosen(AM "/usr/share/openmpi/amca-param-sets/ft-enable-cr"), "a daemon gets the path");
    tap_ok(chosen(AM "other:ft-enable-cr"), "one of several for -am");
    tap_ok(chosen(TUNE "a/b,ft-enable-cr,c"), "one of several for --tune");
    tap_ok(!chosen(AM "ft-enable-crx"), "a set whose name begins so");
    tap_ok(!chosen(AM "my-ft-enable-cr"), "a set whose name ends so");
    tap_ok(!chosen(AM "ft-enable-cr/other"), "a folder of that name");
    tap_ok(!chosen(AM), "no set");
    tap_ok(!chosen("OMPI_MCA_btl=ft-enable-cr"), "another variable");
    tap_ok(!cr_schizo_set_chosen(nothing), "no environment");
    tap_ok(!cr_schizo_set_chosen(NULL), "none at all");
    tap_ok(cr_schizo_set_hands_on("QUIESCE_HOME=/x"), "our variables are handed on");
    tap_ok(!cr_schizo_set_hands_on("HOME=/x"), "others are not");
    return tap_done();
}
