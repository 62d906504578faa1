#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
"""Makes the wrappers of the tracing library (trace.h) from the table of MPI functions: trace_wrappers.py OUTPUT."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "src", "mpi", "gen"))
from generate import Function, NOTICE, rows, write


def functions():
    return [Function(line) for line in rows("mpi_functions.table")]


def is_pointer(argument):
    return "*" in argument.declaration


def wrapper(number, f):
    names = ", ".join(a.name for a in f.arguments)
    made = [a for a in f.arguments if a.kind and a.role == "new" and is_pointer(a)]
    ones = [a for a in f.arguments if a.kind and a.role in ("free", "inout") and is_pointer(a)]
    many = [a for a in f.arguments if a.kind == "Request" and a.role == "array"]
    changed = [(a, "1") for a in ones] + [(a, a.count) for a in many]
    lines = [f'if (next == NULL) next = ({f.returns} (*)({f.signature()}))trace_next("{f.name}");']
    lines += [f"void **before_{a.name} = trace_copy({a.name}, {count});" for a, count in changed]
    lines += [f"trace_enter(&call, {number}, {int(f.key != '-')});", f"rc = next({names});", "trace_leave(&call);"]
    lines += [f"if (rc == MPI_SUCCESS) trace_made({number}, *{a.name}, MPI_{a.kind.upper()}_NULL);" for a in made]
    lines += [f"trace_compare(before_{a.name}, {a.name}, {count});" for a, count in changed]
    return "\n".join([f"{f.returns} {f.name}({f.signature()});", f"{f.returns} {f.name}({f.signature()})", "{",
                      f"    static {f.returns} (*next)({f.signature()});", "    struct trace_call call;",
                      f"    {f.returns} rc;", ""] + ["    " + line for line in lines] + ["    return rc;", "}", ""])


def main():
    table = functions()
    text = [NOTICE.replace("src/mpi/gen/generate.py", "tests/mpi/cover/trace_wrappers.py"), '#include "trace.h"\n',
            "#pragma GCC diagnostic ignored \"-Wdeprecated-declarations\"\n"]
    text += [wrapper(i, f) for i, f in enumerate(table)]
    text += ["const char *const trace_names[] = {"] + [f'    "{f.name}",' for f in table] + ["};"]
    text += [f"const int trace_count = {len(table)};", ""]
    write(sys.argv[1], "\n".join(text))


if __name__ == "__main__":
    main()
