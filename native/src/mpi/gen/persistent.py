# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
"""The C text of a persistent collective: a record of its arguments, how the real request is made from it (now, and again
after a restart), and the wrapper.

The record copies the arrays of counts and datatypes, and keeps datatypes and operations alive. The info is used once.
"""
import re

from wrappers import owner


def fields(function):
    return [a for a in function.arguments if a.kind != "Request"]


def record(function):
    lines = [f"struct call_{function.name} {{", "    struct cr_persistent_call head;"]
    for a in fields(function):
        lines.append("    " + re.sub(r"(\w+)\[\]$", r"*\1", a.declaration) + ";")
        if a.role == "array":
            lines += [f"    void *room_{a.name};", f"    int count_{a.name};"]
    return lines + ["};"]


def make(function):
    words, lines = [], []
    for a in fields(function):
        if a.role == "array":
            lines.append(f"const MPI_{a.kind} *real_{a.name} = cr_persistent_real(a->room_{a.name}, a->{a.name}, "
                         f"a->count_{a.name});")
            words.append(f"real_{a.name}")
        elif a.kind:
            words.append(f"CR_REAL_{a.kind.upper()}(a->{a.name})")
        else:
            words.append(f"a->{a.name}")
    lines += ["uint64_t fs = cr_lower_enter();",
              f"int rc = CR_REAL({function.short})({', '.join(words)}, ret_real);",
              "cr_lower_leave(fs);", "a->info = MPI_INFO_NULL;", "return rc;"]
    return [f"static int make_{function.name}(struct cr_persistent_call *head, MPI_Request *ret_real)", "{",
            f"    struct call_{function.name} *a = (struct call_{function.name} *)head;"] \
        + ["    " + line for line in lines] + ["}"]


def visit(function):
    lines = [f"static void visit_{function.name}(struct cr_persistent_call *head, void (*type)(MPI_Datatype), "
             "void (*op)(MPI_Op))", "{",
             f"    struct call_{function.name} *a = (struct call_{function.name} *)head;", "", "    (void)a, (void)type, (void)op;"]
    for a in fields(function):
        if a.role == "array":
            lines.append(f"    for (int i = 0; i < a->count_{a.name}; i++)")
            lines.append(f"        type(a->{a.name}[i]);")
        elif a.kind in ("Datatype", "Op"):
            lines.append(f"    {'type' if a.kind == 'Datatype' else 'op'}(a->{a.name});")
    return lines + ["}"]


def fill(function):
    """The statements that make the record."""
    lines, sizes = [], []
    for a in fields(function):
        if a.role in ("array", "counts"):
            lines.append(f"int count_{a.name} = {a.count};")
            each = f"sizeof(*{a.name})"
            sizes += [f"cr_persistent_bytes(count_{a.name}, {each})"] * (2 if a.role == "array" else 1)
    lines.append(f"struct call_{function.name} *a = cr_persistent_new(sizeof(*a), {' + '.join(sizes) or '0'});")
    lines.append(f"a->head.make = make_{function.name};")
    lines.append(f"a->head.visit = visit_{function.name};")
    for a in fields(function):
        copy = f"cr_persistent_copy(&a->head, {a.name}, count_{a.name}, sizeof(*{a.name}))"
        if a.role in ("array", "counts"):
            lines.append(f"a->{a.name} = {copy};")
        else:
            lines.append(f"a->{a.name} = {a.name};")
        if a.role == "array":
            lines.append(f"a->room_{a.name} = (void *)(uintptr_t){copy};")
            lines.append(f"a->count_{a.name} = count_{a.name};")
    return lines


def persistent(function):
    name, kind = owner(function)
    body = ["cr_gate_enter();", f"cr_wrap_begin_comm({function.key});"] + fill(function)
    body += [f'int rc = cr_persistent_create(&a->head, {function.key}, "{function.name}", request);',
             "cr_collective_end();", "cr_gate_leave();", f'return cr_raise_{kind.lower()}({name}, rc, "{function.name}");']
    head = f"CR_MPIX({function.returns}, {function.name}, ({function.signature()}))"
    parts = ["\n".join(record(function)), "\n".join(make(function)), "\n".join(visit(function)),
             head + "\n{\n" + "".join(f"    {line}\n" for line in body) + "}"]
    return "\n\n".join(parts) + "\n"
