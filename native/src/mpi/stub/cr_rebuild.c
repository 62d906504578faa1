/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal; threads parked. What a checkpoint refuses, and all objects made again after a
 * restart, in order.
 */
#include "cr_attribute.h"
#include "cr_dynamic.h"
#include "cr_object.h"
#include "cr_stub_bind.h"

int cr_stub_check(struct cr_error *err)
{
    struct cr_self saved;
    int rc = cr_file_check(err);

    if (rc == 0)
        rc = cr_dynamic_check(err);
    if (rc == 0)
        rc = cr_group_check(err);
    if (rc == 0)
        rc = cr_tool_check(err);
    if (rc != 0)
        return rc;
    cr_stub_borrow_main(&saved);
    cr_info_snapshot();
    cr_communicator_snapshot();
    cr_wtime_hold();
    cr_processor_hold();
    cr_stub_return_main(&saved);
    return 0;
}

int cr_stub_rebuild(struct cr_error *err)
{
    int rc;

    cr_stub_bind();
    rc = cr_file_prepare(err);
    if (rc < 0)
        return rc;
    cr_wtime_continue();
    cr_environment_refresh();
    cr_errhandler_init();
    cr_error_class_rebuild();
    cr_attribute_refresh();
    cr_info_rebuild();
    cr_group_rebuild();
    rc = cr_op_rebuild(err);
    if (rc == 0)
        rc = cr_datatype_rebuild(err);
    if (rc == 0)
        rc = cr_communicator_rebuild(err);
    if (rc == 0)
        rc = cr_window_rebuild(err);
    if (rc == 0)
        rc = cr_file_rebuild(err);
    return rc;
}
