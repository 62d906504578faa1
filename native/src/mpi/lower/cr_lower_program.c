/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_lower_program.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD_SIZE 4096

static int is_executable(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* Says why PATH, which has a slash in it or was found nowhere, cannot be executed. */
static int explain(const char *path, struct cr_error *err)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return cr_fail(err, errno, "%s: %s", path,
                       errno == ENOENT ? "no such program" : "cannot be looked at");
    if (S_ISDIR(st.st_mode))
        return cr_fail(err, EACCES, "%s is a directory, not a program", path);
    return cr_fail(err, EACCES, "%s may not be executed (permissions of the file)", path);
}

static int search_path(const char *name, char out[PATH_MAX], struct cr_error *err)
{
    const char *at = getenv("PATH");

    if (at == NULL)
        at = "/bin:/usr/bin";
    for (;;) {
        size_t length = strcspn(at, ":");
        char directory[PATH_MAX];
        if (length < sizeof directory) {
            memcpy(directory, at, length);
            directory[length] = '\0';
            cr_fmt(out, PATH_MAX, "%s%s%s", directory, length > 0 ? "/" : "./", name);
            if (is_executable(out))
                return 0;
        }
        if (at[length] == '\0')
            return cr_fail(err, ENOENT, "%s: no such program in PATH", name);
        at += length + 1;
    }
}

static int look_up(const char *name, char out[PATH_MAX], struct cr_error *err)
{
    if (strchr(name, '/') == NULL)
        return search_path(name, out, err);
    if (!is_executable(name))
        return explain(name, err);
    if (strlen(name) >= PATH_MAX)
        return cr_fail(err, ENAMETOOLONG, "the program's name is too long");
    cr_str_copy(out, PATH_MAX, name);
    return 0;
}

static int read_head(const char *path, char *head, struct cr_error *err)
{
    long n;
    int fd = cr_sys_open(path, O_RDONLY | O_CLOEXEC, 0);

    if (fd == -EACCES)
        return cr_fail(err, EACCES,
                       "%s may be executed but not read: it cannot be loaded as part of a rank",
                       path);
    if (fd < 0)
        return cr_fail(err, -fd, "opening %s", path);
    memset(head, 0, HEAD_SIZE);
    n = cr_sys_pread(fd, head, HEAD_SIZE - 1, 0);
    cr_sys_close(fd);
    if (n < 0)
        return cr_fail(err, (int)-n, "reading %s", path);
    return 0;
}

/* Cuts the next word, up to a blank or tab, from the line at *AT. */
static char *cut_word(char **at)
{
    char *word;

    *at += strspn(*at, " \t");
    word = *at;
    *at += strcspn(*at, " \t");
    if (**at != '\0')
        *(*at)++ = '\0';
    return *word != '\0' ? word : NULL;
}

/* The rest of the line without blanks at its ends is one argument, as with the kernel. */
static char *cut_rest(char *at)
{
    size_t length;

    at += strspn(at, " \t");
    for (length = strlen(at); length > 0 && strchr(" \t\r", at[length - 1]) != NULL; length--)
        at[length - 1] = '\0';
    return *at != '\0' ? at : NULL;
}

static void push_front(struct cr_lower_program *p, const char *word)
{
    memmove(p->prefix + 1, p->prefix, (size_t)p->prefix_count * sizeof *p->prefix);
    p->prefix[0] = strdup(word);
    p->prefix_count++;
}

static int is_env(const char *path)
{
    const char *slash = strrchr(path, '/');

    return strcmp(slash != NULL ? slash + 1 : path, "env") == 0;
}

/*
 * One #! line. "env NAME" would replace this process by NAME and so lose the lower half: it is
 * looked up here instead.
 */
static int follow_script(struct cr_lower_program *p, char *line, struct cr_error *err)
{
    char *interpreter, *argument;

    line[strcspn(line, "\n")] = '\0';
    interpreter = cut_word(&line);
    argument = cut_rest(line);
    if (interpreter == NULL)
        return cr_fail(err, ENOEXEC, "%s: its #! line names no interpreter", p->path);
    push_front(p, p->path);
    if (is_env(interpreter) && argument != NULL && strpbrk(argument, " \t=-") == NULL) {
        p->argv0 = strdup(argument);
        return look_up(argument, p->path, err);
    }
    if (argument != NULL)
        push_front(p, argument);
    p->argv0 = strdup(interpreter);
    return look_up(interpreter, p->path, err);
}

static int find_interpreter(struct cr_lower_program *p, const char *head, struct cr_error *err)
{
    const Elf64_Ehdr *e = (const Elf64_Ehdr *)head;
    const Elf64_Phdr *h = (const Elf64_Phdr *)(head + e->e_phoff);
    unsigned i;

    if (e->e_ident[EI_CLASS] != ELFCLASS64 || e->e_machine != EM_X86_64)
        return cr_fail(err, ENOEXEC, "%s is not a 64-bit x86 program", p->path);
    if (e->e_phoff + (uint64_t)e->e_phnum * sizeof *h > HEAD_SIZE)
        return cr_fail(err, ENOEXEC, "%s: its program headers are not at its beginning", p->path);
    for (i = 0; i < e->e_phnum; i++) {
        if (h[i].p_type != PT_INTERP)
            continue;
        if (h[i].p_offset + h[i].p_filesz >= HEAD_SIZE || h[i].p_filesz >= PATH_MAX)
            return cr_fail(err, ENOEXEC, "%s: its dynamic linker is not named at its beginning",
                           p->path);
        cr_str_copy(p->interpreter, sizeof p->interpreter, head + h[i].p_offset);
        return 0;
    }
    return cr_fail(
        err, ENOEXEC,
        "%s is linked statically: a rank's program has to be linked dynamically to be checkpointed",
        p->path);
}

/* $ORIGIN is the folder of the file itself, not of a symbolic link to it. */
static int resolve_links(struct cr_lower_program *p, struct cr_error *err)
{
    char real[PATH_MAX];

    if (realpath(p->path, real) == NULL)
        return cr_fail(err, errno, "finding the real name of %s", p->path);
    cr_str_copy(p->path, sizeof p->path, real);
    return 0;
}

int cr_lower_program_find(const char *name, struct cr_lower_program *p, struct cr_error *err)
{
    char head[HEAD_SIZE] __attribute__((aligned(16)));
    int depth, rc;

    memset(p, 0, sizeof *p);
    rc = look_up(name, p->path, err);
    cr_str_copy(p->name, sizeof p->name, p->path);
    p->argv0 = name;
    for (depth = 0; rc == 0 && depth <= CR_LOWER_SCRIPT_MAX; depth++) {
        rc = read_head(p->path, head, err);
        if (rc < 0)
            return rc;
        if (memcmp(head, ELFMAG, SELFMAG) == 0) {
            rc = find_interpreter(p, head, err);
            return rc < 0 ? rc : resolve_links(p, err);
        }
        if (head[0] != '#' || head[1] != '!')
            return cr_fail(err, ENOEXEC, "%s is neither an ELF program nor a script with a #! line",
                           p->path);
        if (depth < CR_LOWER_SCRIPT_MAX)
            rc = follow_script(p, head + 2, err);
    }
    return rc < 0 ? rc : cr_fail(err, ELOOP, "%s: too many interpreters of interpreters", name);
}
