#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
"""Makes the wrappers of the tracing library (trace.h) from the table of MPI functions: trace_wrappers.py OUTPUT."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "src", "mpi", "gen"))
from generate import Function, NOTICE, rows, write

# What one function opens on a file or window and another one closes, if its condition holds: alive in between. Several of these
# may be open on one handle: each has a mark of its own.
PAIRS = {"MPI_Win_start": [("MPI_Win_complete", "1")], "MPI_Win_post": [("MPI_Win_wait", "1"), ("MPI_Win_test", "*flag")],
         "MPI_Win_lock": [("MPI_Win_unlock", "1")], "MPI_Win_lock_all": [("MPI_Win_unlock_all", "1")]}
PAIRS |= {f"MPI_File_{what}_begin": [(f"MPI_File_{what}_end", "1")]
          for what in ("read_all", "read_at_all", "read_ordered", "write_all", "write_at_all", "write_ordered")}
MARKS = {name: mark for mark, name in enumerate(PAIRS, 1)}


def functions():
    return [Function(line) for line in rows("mpi_functions.table")]


def is_pointer(argument):
    return "*" in argument.declaration


def pairs(number, f):
    """What this function opens and closes."""
    handle = next((a.name for a in f.arguments if a.kind in ("File", "Win")), None)
    opened = [f"if (rc == MPI_SUCCESS) trace_made({number}, (char *){handle} + {MARKS[f.name]}, NULL);"] if f.name in PAIRS else []
    return opened + [f"if (rc == MPI_SUCCESS && {condition}) trace_gone((char *){handle} + {MARKS[name]});"
                     for name, ends in PAIRS.items() for end, condition in ends if end == f.name]


def wrapper(number, f):
    names = ", ".join(a.name for a in f.arguments)
    made = [a for a in f.arguments if a.kind and a.role == "new" and is_pointer(a)]
    ones = [a for a in f.arguments if a.kind and a.role in ("free", "inout") and is_pointer(a)]
    many = [a for a in f.arguments if a.kind == "Request" and a.role == "array"]
    changed = [(a, "1") for a in ones] + [(a, a.count) for a in many]
    lines = [f'if (next == NULL) next = ({f.returns} (*)({f.signature()}))trace_next("{f.name}");']
    lines += [f"void **before_{a.name} = trace_copy({a.name}, {count});" for a, count in changed]
    clocked = f.key != "-" and not f.name.endswith("_end")  # the end of a split one waits for nobody
    lines += [f"trace_enter(&call, {number}, {int(clocked)});", f"rc = next({names});", "trace_leave(&call);"]
    lines += [f"if (rc == MPI_SUCCESS) trace_made({number}, *{a.name}, MPI_{a.kind.upper()}_NULL);" for a in made]
    lines += [f"trace_compare(before_{a.name}, {a.name}, {count});" for a, count in changed]
    lines += pairs(number, f)
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
