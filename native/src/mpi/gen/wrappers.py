# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
"""The C text of one generated wrapper.

Order inside a wrapper: safe point, gate of the collective clock (may park: so handles are translated after it), translation
of arrays, the real call on the lower half's FS, handles made, end of the gate, safe point, error handler.
"""

import re

REQUEST_TYPES = {"nonblocking": "CR_REQUEST_COLLECTIVE", "rma": "CR_REQUEST_OTHER", "io": "CR_REQUEST_OTHER"}


def owner(function):
    """The argument whose error handler is called, and its kind; for MPI_File_open and the like the null file."""
    kinds = ("File",) if function.name.startswith("MPI_File_") else ("Comm", "Win")
    for kind in kinds:
        for a in function.arguments:
            if a.kind == kind and a.role == "in":
                return a.name, kind
    if function.name.startswith("MPI_File_"):
        return "MPI_FILE_NULL", "File"
    return "MPI_COMM_WORLD", "Comm"


def call_arguments(function):
    words = []
    for a in function.arguments:
        if a.role == "in":
            words.append(f"CR_REAL_{a.kind.upper()}({a.name})")
        elif a.role == "array":
            words.append(f"real_{a.name}")
        elif a.role in ("new", "known", "free", "inout") and a.kind:
            words.append(f"&real_{a.name}")
        else:
            words.append(a.name)
    return ", ".join(words)


def connects(function):
    """Whether the call makes a communicator with processes of other jobs."""
    return function.checkpoint == "refuse-live" and any(a.kind == "Comm" and a.role == "new" for a in function.arguments)


def before(function):
    """Gate and translated arguments."""
    lines = []
    if function.key == "group":
        lines.append("cr_wrap_begin_group(group);")
    elif function.key == "unclocked":
        lines.append("cr_collective_begin_unclocked();")
    elif function.key != "-":
        kind = next(a.kind for a in function.arguments if a.name == function.key)
        lines.append(f"cr_wrap_begin_{kind.lower()}({function.key});")
    if connects(function):
        lines.append(f'cr_dynamic_begin("{function.name}");')
    arrays = [a for a in function.arguments if a.role == "array"]
    if arrays:
        lines.append("struct cr_wrap_arrays arrays;")
        counts = " + ".join(f"({a.count})" for a in arrays)
        lines.append(f"cr_wrap_arrays_begin(&arrays, {counts});")
    for a in arrays:
        const = "const " if a.declaration.startswith("const ") else ""
        lines.append(f"{const}MPI_{a.kind} *real_{a.name} = ({const}MPI_{a.kind} *)"
                     f"cr_wrap_array(&arrays, (const void *){a.name}, {a.count});")
    for a in function.arguments:
        if a.kind and a.role in ("new", "known"):
            lines.append(f"MPI_{a.kind} real_{a.name} = NULL;")
        elif a.kind and a.role == "free":
            lines.append(f"MPI_{a.kind} real_{a.name} = ({a.name} == NULL) ? NULL : CR_REAL_{a.kind.upper()}(*{a.name});")
    return lines


def made(function, a):
    """The statement that turns a real handle made by the call into the application's."""
    who = f'"{function.name}"'
    if a.role == "known":
        return f"*{a.name} = cr_datatype_known(real_{a.name}, {who});"
    if a.role == "free":
        return f"cr_wrap_freed((void **){a.name}, CR_KIND_{a.kind.upper()});"
    if a.kind == "Comm":
        parents = [p.name for p in function.arguments if p.kind == "Comm" and p.role == "in"]
        return f"*{a.name} = cr_communicator_new(real_{a.name}, {parents[0] if parents else 'MPI_COMM_NULL'}, {who});"
    if a.kind == "Request":
        name, kind = owner(function)
        comm = name if kind == "Comm" else "MPI_COMM_NULL"
        request = "CR_REQUEST_OTHER" if kind != "Comm" else REQUEST_TYPES[function.kind]
        scratch = "arrays.memory, arrays.size" if any(b.role == "array" for b in function.arguments) else "NULL, 0"
        return f"*{a.name} = cr_request_adopt({request}, {comm}, real_{a.name}, {who}, {scratch});"
    if a.kind in ("Win", "File"):
        parent = next(p.name for p in function.arguments if p.kind == "Comm" and p.role == "in")
        return f"*{a.name} = cr_{'window' if a.kind == 'Win' else 'file'}_new(real_{a.name}, {parent}, {who});"
    return f"*{a.name} = cr_{a.kind.lower()}_new(real_{a.name}, {who});"


def after(function):
    results = [a for a in function.arguments if a.kind and a.role in ("new", "known", "free")]
    arrays = any(a.role == "array" for a in function.arguments)
    lines = []
    if results:
        lines.append("if (rc == MPI_SUCCESS) {")
        lines += ["    " + made(function, a) for a in results]
        if arrays and any(a.kind == "Request" for a in results):
            lines.append("} else {")
            lines.append("    cr_wrap_arrays_free(&arrays);")
        lines.append("}")
    if arrays and not any(a.kind == "Request" for a in results):
        lines.append("cr_wrap_arrays_free(&arrays);")
    if connects(function):
        lines.append("cr_dynamic_end();")
    if function.key != "-":
        lines.append("cr_collective_end();")
    return lines


def finish(function):
    if function.returns != "int" or function.name.startswith(("MPI_T_", "MPIX_Query", "OMPI_")):
        return "return rc;"
    name, kind = owner(function)
    return f'return cr_raise_{kind.lower()}({name}, rc, "{function.name}");'


def at_once(function):
    """Open MPI's list of file operations under way is not safe with several threads: then each rank's part is done by the call."""
    blocking = re.sub("_i(read|write)", r"_\1", function.short).removesuffix("_all")
    end = ["    cr_collective_end();"] if function.key != "-" else []
    return ["if (cr_request_at_once()) {",
            "    MPI_Status status = {0};",
            "    uint64_t fs = cr_lower_enter();",
            f"    int rc = CR_REAL({blocking})({call_arguments(function).rsplit(', ', 1)[0]}, &status);",
            "    cr_lower_leave(fs);",
            "    if (rc == MPI_SUCCESS)",
            "        *request = cr_request_done(&status);",
            *end,
            "    cr_gate_leave();",
            f"    {finish(function)}",
            "}"]


def wrapper(function):
    body = ["cr_gate_enter();"] + before(function)
    if re.match(r"MPI_File_\w*(shared|ordered)", function.name):
        body.append("cr_file_uses_shared(fh);")
    if re.match("MPI_File_i(read|write)", function.name):
        body += at_once(function)
    body += ["uint64_t fs = cr_lower_enter();",
             f"{function.returns} rc = CR_REAL({function.short})({call_arguments(function)});",
             "cr_lower_leave(fs);"]
    body += after(function) + ["cr_gate_leave();", finish(function)]
    if function.name.startswith("MPI_"):
        head = f"CR_MPI({function.returns}, {function.short}, ({function.signature()}))"
    else:
        head = f'__attribute__((visibility("default"))) {function.returns} {function.name}({function.signature()})'
    return head + "\n{\n" + "".join(f"    {line}\n" for line in body) + "}\n"
