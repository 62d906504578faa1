/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The table of areas: kinds, foreign ranges, the files behind them, advice, and what is refused. */
#include "state_support.h"

#include "cr_state_check.h"
#include "cr_state_memory.h"
#include "cr_sys.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096UL

static char directory[] = "/tmp/state memory\nXXXXXX";

static const char *file_path(const char *name)
{
    static char path[200];

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    return path;
}

static int make_file(const char *name, size_t pages)
{
    int fd = open(file_path(name), O_RDWR | O_CREAT | O_TRUNC, 0600);

    if (ftruncate(fd, (off_t)(pages * PAGE)) != 0)
        perror("ftruncate");
    return fd;
}

static void collect(struct fixture *f, struct cr_memory *memory)
{
    fixture_begin(f);
    memset(memory, 0, sizeof(*memory));
    fixture_say(f, cr_memory_collect(&f->state, memory, &f->err));
}

static const struct cr_area *area_at(const struct cr_memory *memory, const void *at)
{
    static const struct cr_area NONE = {.kind = 99};

    for (size_t i = 0; i < memory->area_count; i++) {
        if (memory->areas[i].start <= (uint64_t)at && (uint64_t)at < memory->areas[i].end)
            return &memory->areas[i];
    }
    return &NONE;
}

static int find_mapped(const struct fixture *f, uint32_t number, quiesce_image_MappedFile *out)
{
    quiesce_image_MappedFiles *message = calloc(1, sizeof(*message));
    const struct cr_note *note;
    int found = 0;

    for (int i = 0;
         (note = fixture_note(f, quiesce_image_NoteType_NOTE_MAPPED_FILES, i)) != NULL && !found;
         i++) {
        cr_state_decode(note, quiesce_image_MappedFiles_fields, message, NULL);
        found = number >= 1 && number <= message->file_count;
        if (found)
            *out = message->file[number - 1];
        number -= message->file_count;
    }
    free(message);
    return found;
}

static void *map(size_t pages, int flags, int fd, off_t offset)
{
    return mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, flags, fd, offset);
}

static uint32_t kind_at(const struct cr_memory *memory, const void *at)
{
    return area_at(memory, at)->kind;
}

static void test_kinds(void)
{
    static char data[1] = {1};
    int zero = open("/dev/zero", O_RDWR);
    int local = 0;
    char *private_zero = map(1, MAP_PRIVATE, zero, 0);
    char *shared_anonymous = map(1, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct cr_memory m;
    struct fixture f;

    collect(&f, &m);
    tap_ok(kind_at(&m, data) == quiesce_image_AreaKind_AREA_FILE_PRIVATE &&
               area_at(&m, data)->file > 0,
           "data of the program is a private file map");
    tap_ok(kind_at(&m, &local) == quiesce_image_AreaKind_AREA_STACK &&
               (area_at(&m, &local)->flags & MAP_GROWSDOWN),
           "the stack is a stack");
    tap_ok(kind_at(&m, private_zero) == quiesce_image_AreaKind_AREA_PRIVATE &&
               area_at(&m, private_zero)->file == 0,
           "private /dev/zero is anonymous memory");
    tap_ok(kind_at(&m, shared_anonymous) == quiesce_image_AreaKind_AREA_SHARED &&
               area_at(&m, shared_anonymous)->file > 0,
           "shared anonymous memory is an object");
    fixture_end(&f);
    munmap(private_zero, PAGE);
    munmap(shared_anonymous, PAGE);
    close(zero);
}

static void test_file_kinds(void)
{
    int fd = make_file("kinds", 4);
    char *private_file = map(2, MAP_PRIVATE, fd, (off_t)PAGE);
    char *shared_file = map(4, MAP_SHARED, fd, 0);
    quiesce_image_MappedFile one = {0};
    quiesce_image_MappedFile two = {0};
    struct cr_memory m;
    struct fixture f;

    collect(&f, &m);
    tap_ok(kind_at(&m, private_file) == quiesce_image_AreaKind_AREA_FILE_PRIVATE &&
               area_at(&m, private_file)->offset == PAGE,
           "a private file map, with its offset");
    tap_ok(kind_at(&m, shared_file) == quiesce_image_AreaKind_AREA_FILE_SHARED,
           "a shared file map");
    tap_ok(find_mapped(&f, area_at(&m, shared_file)->file, &one) &&
               find_mapped(&f, area_at(&m, private_file)->file, &two) &&
               strcmp(one.path, two.path) == 0 && one.mtime_ns == 0 && two.mtime_ns != 0,
           "of the same file, whose time of change counts for the private one only");
    fixture_end(&f);
    munmap(private_file, 2 * PAGE);
    munmap(shared_file, 4 * PAGE);
    close(fd);
}

static void test_shared_memory_path(void)
{
    char path[] = "/dev/shm/state_memory_XXXXXX";
    int fd = mkstemp(path);
    struct cr_memory m;
    struct fixture f;
    char *at;

    if (ftruncate(fd, (off_t)PAGE) != 0)
        return;
    at = map(1, MAP_SHARED, fd, 0);
    collect(&f, &m);
    tap_ok(kind_at(&m, at) == quiesce_image_AreaKind_AREA_FILE_SHARED,
           "a file below /dev/shm is a file, not a device");
    fixture_end(&f);
    munmap(at, PAGE);
    unlink(path);
    close(fd);
}

static void test_shared_objects(void)
{
    int fd = memfd_create("object", 0);
    quiesce_image_MappedFile file;
    struct cr_memory m;
    struct fixture f;
    char *a;
    char *b;
    char *other;

    if (ftruncate(fd, 8 * PAGE) != 0)
        return;
    a = map(4, MAP_SHARED, fd, 0);
    b = map(4, MAP_SHARED, fd, 4 * PAGE);
    other = map(2, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    munmap(other + PAGE, PAGE);
    collect(&f, &m);
    tap_ok(area_at(&m, a)->file == area_at(&m, b)->file &&
               area_at(&m, a)->file != area_at(&m, other)->file,
           "two maps of one object have one index, another object has another");
    tap_ok(find_mapped(&f, area_at(&m, b)->file, &file) && file.size == 8 * PAGE && file.deleted &&
               strcmp(file.path, "/memfd:object") == 0,
           "the object has its name and its size");
    tap_ok(find_mapped(&f, area_at(&m, other)->file, &file) && file.size >= PAGE,
           "so has one without a name");
    fixture_end(&f);
    munmap(a, 4 * PAGE);
    munmap(b, 4 * PAGE);
    munmap(other, PAGE);
    close(fd);
}

static void test_foreign(void)
{
    int fd = make_file("foreign", 10);
    char *at = map(10, MAP_SHARED, fd, 0);
    char *wholly = map(2, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct cr_range ranges[3] = {{(uint64_t)at + 2 * PAGE, (uint64_t)at + 3 * PAGE},
                                 {(uint64_t)at + 5 * PAGE, (uint64_t)at + 10 * PAGE},
                                 {(uint64_t)wholly - PAGE, (uint64_t)wholly + 3 * PAGE}};
    struct cr_range held = ranges[2];
    struct cr_memory m;
    struct fixture f;

    if (wholly < at) {
        ranges[2] = ranges[1];
        ranges[1] = ranges[0];
        ranges[0] = held;
    }
    fixture_begin(&f);
    f.foreign.ranges = ranges;
    f.foreign.range_count = 3;
    fixture_say(&f, cr_memory_collect(&f.state, &m, &f.err));
    tap_ok(area_at(&m, at)->end == (uint64_t)at + 2 * PAGE, "an area ends where a foreign begins");
    tap_ok(area_at(&m, at + 2 * PAGE)->kind == 99 && area_at(&m, at + 9 * PAGE)->kind == 99 &&
               area_at(&m, wholly)->kind == 99,
           "foreign memory is in no area");
    tap_ok(area_at(&m, at + 3 * PAGE)->start == (uint64_t)at + 3 * PAGE &&
               area_at(&m, at + 3 * PAGE)->end == (uint64_t)at + 5 * PAGE &&
               area_at(&m, at + 3 * PAGE)->offset == 3 * PAGE,
           "and goes on behind it, with the right offset");
    fixture_end(&f);
    munmap(at, 10 * PAGE);
    munmap(wholly, 2 * PAGE);
    close(fd);
}

static int check(struct fixture *f)
{
    int rc = cr_state_check_files(&f->state, &f->err);

    if (rc < 0)
        printf("# %s\n", f->err.text);
    return rc;
}

static void test_files_that_changed(void)
{
    int private_fd = make_file("private", 2);
    int shared_fd = make_file("shared", 2);
    char *a = map(2, MAP_PRIVATE, private_fd, 0);
    char *b = map(2, MAP_SHARED, shared_fd, 0);
    struct timespec times[2] = {{1000000000, 0}, {1000000000, 1}};
    struct cr_memory m;
    struct fixture f;

    collect(&f, &m);
    tap_ok(check(&f) == 0, "files that did not change are right");
    if (pwrite(shared_fd, "x", 1, 5 * PAGE) != 1)
        return;
    tap_ok(check(&f) == 0, "a file that is mapped shared may be written to");
    futimens(private_fd, times);
    tap_ok(check(&f) == -CR_EFILECHANGED && strstr(f.err.text, "private") != NULL,
           "a file that is mapped private may not");
    fixture_end(&f);
    collect(&f, &m);
    if (ftruncate(shared_fd, (off_t)PAGE) != 0)
        return;
    tap_ok(check(&f) == -CR_EFILECHANGED && strstr(f.err.text, "shared") != NULL,
           "a file that is mapped shared may not become shorter");
    unlink(file_path("shared"));
    tap_ok(check(&f) == -CR_EFILEMISSING, "nor be gone");
    fixture_end(&f);
    munmap(a, 2 * PAGE);
    munmap(b, 2 * PAGE);
    close(private_fd);
    close(shared_fd);
}

static void test_build_id(void)
{
    quiesce_image_MappedFile file;
    struct cr_error err = {0};
    struct cr_memory m;
    struct fixture f;

    collect(&f, &m);
    tap_ok(find_mapped(&f, area_at(&m, (void *)(uintptr_t)printf)->file, &file) &&
               strstr(file.path, "libc") != NULL && file.build_id.size == 20,
           "the C library is known by its build-id");
    tap_ok(cr_state_check_mapped_file(&file, -1, &err) == 0, "which its file has too");
    file.build_id.bytes[3] ^= 1;
    tap_ok(cr_state_check_mapped_file(&file, -1, &err) == -CR_EFILECHANGED,
           "another build is refused");
    printf("# %s\n", err.text);
    fixture_end(&f);
}

static void test_advice(void)
{
    char *at = map(4, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    char *locked = map(1, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct cr_memory m;
    struct fixture f;
    struct fixture again;
    uint32_t wanted = CR_ADVICE_DONTFORK | CR_ADVICE_DONTDUMP | CR_ADVICE_NORESERVE;

    madvise(at, 4 * PAGE, MADV_DONTFORK);
    madvise(at, 4 * PAGE, MADV_DONTDUMP);
    mlock(locked, PAGE);
    tap_ok(cr_memory_prepare(NULL) == 0, "advice is read before the stop");
    collect(&f, &m);
    tap_equal_u64(area_at(&m, at)->vm_flags & ~(uint32_t)CR_ADVICE_NOHUGE, wanted,
                  "advice is found");
    tap_ok(area_at(&m, locked)->vm_flags & CR_ADVICE_LOCKED, "a lock is found");
    madvise(at, 4 * PAGE, MADV_DOFORK);
    madvise(at, 4 * PAGE, MADV_DODUMP);
    munlock(locked, PAGE);
    tap_ok(fixture_say(&f, cr_memory_put_back(&f.state, &f.err)) == 0, "they are put back");
    collect(&again, &m);
    tap_equal_u64(area_at(&m, at)->vm_flags & ~(uint32_t)CR_ADVICE_NOHUGE, wanted,
                  "advice is back");
    tap_ok(area_at(&m, locked)->vm_flags & CR_ADVICE_LOCKED, "the lock is back");
    fixture_end(&f);
    fixture_end(&again);
    munmap(at, 4 * PAGE);
    munmap(locked, PAGE);
}

static void test_stale_preparation(void)
{
    struct cr_memory m;
    struct fixture f;
    char *at;

    cr_memory_prepare(NULL);
    at = map(4, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    madvise(at, 4 * PAGE, MADV_DONTFORK);
    collect(&f, &m);
    tap_ok(area_at(&m, at)->vm_flags & CR_ADVICE_DONTFORK,
           "what was mapped after the preparation is seen");
    fixture_end(&f);
    munmap(at, 4 * PAGE);
}

/* As the JVM maps them: the file is gone when the next JVM has started. */
static void test_jvm_counters(void)
{
    char path[300];
    struct cr_memory m;
    struct fixture f;
    char *at;
    int fd;

    mkdir(file_path("hsperfdata_me"), 0700);
    snprintf(path, sizeof(path), "%s/4711", file_path("hsperfdata_me"));
    fd = open(path, O_RDWR | O_CREAT, 0600);
    if (ftruncate(fd, 8 * PAGE) != 0)
        return;
    at = map(8, MAP_SHARED, fd, 0);
    close(fd);
    collect(&f, &m);
    unlink(path);
    tap_ok(area_at(&m, at)->kind == quiesce_image_AreaKind_AREA_SHARED && check(&f) == 0,
           "counters of a JVM do not need their file");
    fixture_end(&f);
    munmap(at, 8 * PAGE);
}

static void test_many_areas(void)
{
    size_t count = 20000;
    char *at = map(count, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct cr_memory m;
    struct fixture f;
    int notes = 0;

    for (size_t i = 0; i < count; i += 2)
        mprotect(at + i * PAGE, PAGE, PROT_READ);
    collect(&f, &m);
    while (fixture_note(&f, quiesce_image_NoteType_NOTE_AREAS, notes) != NULL)
        notes++;
    tap_ok(m.area_count >= count - 1 && (size_t)notes * 64 >= m.area_count,
           "twenty thousand areas are collected");
    tap_ok(area_at(&m, at + 777 * PAGE)->protection == (PROT_READ | PROT_WRITE) &&
               area_at(&m, at + 778 * PAGE)->protection == PROT_READ,
           "each with its protection");
    fixture_end(&f);
    munmap(at, count * PAGE);
}

/* Whatever the size of its working memory, the agent says that it is used up instead of going beyond. */
static void test_small_arenas(void)
{
    int enough = 0;
    int wrong = 0;

    for (size_t size = PAGE; size <= 4UL << 20; size += 7 * PAGE) {
        struct cr_memory m;
        struct fixture f = {0};
        int rc;

        if (cr_arena_create(&f.arena, size) != 0)
            return;
        f.state = (struct cr_state){.arena = &f.arena, .foreign = &f.foreign};
        rc = cr_memory_collect(&f.state, &m, &f.err);
        if (rc == 0)
            rc = cr_memory_scan(&f.state, &m, &f.err);
        enough += rc == 0;
        wrong += rc != 0 && rc != -ENOMEM;
        if (f.arena.size != CR_PAGE_UP(size) || f.arena.used > f.arena.size)
            wrong++;
        fixture_end(&f);
    }
    tap_ok(enough > 0 && wrong == 0, "too little working memory is an error, not an accident");
}

static void test_mm(void)
{
    quiesce_image_Mm *mm = calloc(1, sizeof(*mm));
    struct cr_memory m;
    struct fixture f;
    char self[300] = "";

    collect(&f, &m);
    cr_state_decode(fixture_note(&f, quiesce_image_NoteType_NOTE_MM, 0), quiesce_image_Mm_fields,
                    mm, NULL);
    if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
        return;
    tap_equal_text(mm->executable, self, "the executable is noted");
    tap_ok(mm->brk == (uint64_t)sbrk(0) && mm->start_brk <= mm->brk,
           "the end of the heap is noted");
    tap_ok(mm->auxv.size > 100 && mm->arg_start < mm->arg_end && mm->env_start == mm->arg_end,
           "arguments, environment and auxiliary vector are noted");
    fixture_end(&f);
    free(mm);
}

int main(void)
{
    for (int fd = 3; fd < 1024; fd++)
        close(fd);
    if (mkdtemp(directory) == NULL)
        tap_skip_all("no directory in /tmp");
    test_kinds();
    test_file_kinds();
    test_shared_memory_path();
    test_shared_objects();
    test_foreign();
    test_files_that_changed();
    test_build_id();
    test_advice();
    test_stale_preparation();
    test_jvm_counters();
    test_many_areas();
    test_small_arenas();
    test_mm();
    fixture_remove(directory);
    return tap_done();
}
