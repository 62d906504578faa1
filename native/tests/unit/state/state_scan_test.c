/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The scan finds exactly the pages that have contents, with PAGEMAP_SCAN and without it. */
#include "state_support.h"

#include "cr_fault.h"
#include "cr_state_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096UL

struct scanned {
    struct fixture f;
    struct cr_memory memory;
    int rc;
};

static void scan(struct scanned *s)
{
    fixture_begin(&s->f);
    s->rc = fixture_say(&s->f, cr_memory_collect(&s->f.state, &s->memory, &s->f.err));
    if (s->rc == 0)
        s->rc = fixture_say(&s->f, cr_memory_scan(&s->f.state, &s->memory, &s->f.err));
}

/* How many of the COUNT pages at START are not as WANTED[page] says; prints the first one. */
static size_t count_wrong(const struct scanned *s, const char *start, size_t count,
                          const unsigned char *wanted)
{
    unsigned char *found = calloc(count, 1);
    uint64_t base = (uint64_t)start;
    size_t wrong = 0;

    for (size_t i = 0; i < s->memory.run_count; i++) {
        const struct cr_run *run = &s->memory.runs[i];

        for (uint64_t page = run->start; page < run->start + run->size; page += PAGE) {
            if (page >= base && page < base + count * PAGE)
                found[(page - base) / PAGE]++;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (found[i] != wanted[i] && wrong++ == 0)
            printf("# page %zu: found %d times, wanted %d\n", i, found[i], wanted[i]);
    }
    free(found);
    return wrong;
}

static int is_ascending(const struct scanned *s)
{
    uint64_t end = 0;
    uint64_t bytes = 0;

    for (size_t i = 0; i < s->memory.run_count; i++) {
        if (s->memory.runs[i].start < end)
            return 0;
        end = s->memory.runs[i].start + s->memory.runs[i].size;
        bytes += s->memory.runs[i].size;
    }
    return bytes == s->memory.bytes;
}

static char *map(size_t size)
{
    char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                    -1, 0);

    madvise(at, size, MADV_NOHUGEPAGE);
    return at;
}

static void test_random_pattern(void)
{
    size_t count = 40000;
    unsigned char *wanted = calloc(count, 1);
    char *at = map(count * PAGE);
    struct scanned s;
    unsigned seed = 12345;

    for (size_t i = 0; i < count; i++) {
        seed = seed * 1103515245 + 12345;
        if ((seed >> 16) % 3 == 0) {
            at[i * PAGE + seed % PAGE] = 1;
            wanted[i] = 1;
        }
    }
    scan(&s);
    tap_ok(s.rc == 0 && count_wrong(&s, at, count, wanted) == 0,
           "a random third of the pages is found, each once");
    tap_ok(s.rc == 0 && is_ascending(&s), "runs ascend, and their sum is right");
    fixture_end(&s.f);
    munmap(at, count * PAGE);
    free(wanted);
}

static void test_many_runs(void)
{
    size_t count = 2 * 70000;
    unsigned char *wanted = calloc(count, 1);
    char *at = map(count * PAGE);
    struct scanned s;

    for (size_t i = 0; i < count; i += 2) {
        at[i * PAGE] = 1;
        wanted[i] = 1;
    }
    scan(&s);
    tap_ok(s.rc == 0 && s.memory.run_count >= 70000, "more than 65,535 runs are found");
    tap_ok(s.rc == 0 && count_wrong(&s, at, count, wanted) == 0, "and they are the right ones");
    fixture_end(&s.f);
    munmap(at, count * PAGE);
    free(wanted);
}

static void test_zero_pages(void)
{
    size_t count = 1000;
    unsigned char *wanted = calloc(count, 1);
    volatile char *at = map(count * PAGE);
    struct scanned s;
    char sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += at[i * PAGE];
    at[500 * PAGE] = (char)(sum + 1);
    wanted[500] = 1;
    scan(&s);
    tap_ok(s.rc == 0 && count_wrong(&s, (const char *)at, count, wanted) == 0,
           "pages that were only read are not stored");
    fixture_end(&s.f);
    munmap((void *)at, count * PAGE);
    free(wanted);
}

static const struct cr_run *find_run(const struct scanned *s, const char *at)
{
    for (size_t i = 0; s->rc == 0 && i < s->memory.run_count; i++) {
        if (s->memory.runs[i].start <= (uint64_t)at &&
            (uint64_t)at < s->memory.runs[i].start + s->memory.runs[i].size)
            return &s->memory.runs[i];
    }
    return NULL;
}

static void test_unreadable(void)
{
    unsigned char wanted[8] = {0, 0, 1, 1, 0, 0, 0, 0};
    char *at = map(8 * PAGE);
    const struct cr_run *run;
    struct scanned s;

    at[2 * PAGE] = 1;
    at[3 * PAGE] = 1;
    mprotect(at, 8 * PAGE, PROT_NONE);
    scan(&s);
    run = find_run(&s, at + 2 * PAGE);
    tap_ok(s.rc == 0 && count_wrong(&s, at, 8, wanted) == 0, "contents behind PROT_NONE are found");
    tap_ok(run != NULL && run->source == CR_RUN_UNREADABLE && run->protection == PROT_NONE,
           "and marked as not readable in place");
    fixture_end(&s.f);
    munmap(at, 8 * PAGE);
}

/* Would the program get a signal for reading there? */
static int traps(const char *at)
{
    int sink = memfd_create("sink", 0);
    int trapped = write(sink, at, 1) != 1;

    close(sink);
    return trapped;
}

static void test_guard_pages(void)
{
    unsigned char wanted[8] = {1, 1, 0, 0, 0, 0, 1, 1};
    char *at = map(8 * PAGE);
    struct scanned s;

    memset(at, 1, 8 * PAGE);
    if (madvise(at + 2 * PAGE, 4 * PAGE, 102 /* MADV_GUARD_INSTALL */) != 0) {
        tap_ok(1, "guard pages are left out # SKIP the kernel has none");
        return;
    }
    scan(&s);
    tap_ok(s.rc == 0 && count_wrong(&s, at, 8, wanted) == 0, "guard pages are left out");
    madvise(at, 8 * PAGE, 103 /* MADV_GUARD_REMOVE */);
    tap_ok(!traps(at + 2 * PAGE), "without guards nothing traps");
    tap_ok(fixture_say(&s.f, cr_memory_put_back(&s.f.state, &s.f.err)) == 0,
           "guard pages are put back");
    tap_ok(!traps(at + PAGE) && traps(at + 2 * PAGE) && traps(at + 5 * PAGE) &&
               !traps(at + 6 * PAGE),
           "and trap where they did");
    fixture_end(&s.f);
    munmap(at, 8 * PAGE);
}

static int make_file(const char *path, size_t pages)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    char page[PAGE];

    memset(page, 7, sizeof(page));
    for (size_t i = 0; i < pages; i++) {
        if (write(fd, page, sizeof(page)) != (ssize_t)sizeof(page))
            return -1;
    }
    return fd;
}

static void test_private_file(void)
{
    unsigned char changed[8] = {0, 1, 0, 0, 0, 1, 0, 0};
    unsigned char all[8] = {1, 1, 1, 1, 1, 0, 0, 0};
    char path[] = "/tmp/state_scan_XXXXXX";
    struct scanned s;
    char *at;
    int fd;

    close(mkstemp(path));
    fd = make_file(path, 8);
    at = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    tap_ok(at[3 * PAGE] == 7, "a file is mapped and read");
    at[PAGE] = 1;
    memset(at + 5 * PAGE, 0, PAGE);
    scan(&s);
    tap_ok(s.rc == 0 && count_wrong(&s, at, 8, changed) == 0,
           "of a private file map the changed pages are stored, zeros too");
    fixture_end(&s.f);
    munmap(at, 8 * PAGE);
    if (ftruncate(fd, 5 * PAGE) != 0)
        return;
    at = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    unlink(path);
    scan(&s);
    tap_ok(s.rc == 0 && count_wrong(&s, at, 8, all) == 0,
           "of a deleted file all pages up to its end are stored");
    fixture_end(&s.f);
    munmap(at, 8 * PAGE);
    close(fd);
}

static void test_shared(const char *as_whom)
{
    unsigned char wanted[16] = {0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0};
    unsigned char anonymous[16] = {0, 1};
    int fd = memfd_create("scan", 0);
    struct scanned s;
    char text[100];
    char *at;
    char *other;

    if (ftruncate(fd, 12 * PAGE) != 0)
        return;
    at = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    other = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (pwrite(fd, "x", 1, 3 * PAGE) != 1)
        return;
    at[9 * PAGE] = 1;
    other[PAGE] = 1;
    scan(&s);
    snprintf(text, sizeof(text), "what was written through a descriptor is found (%s)", as_whom);
    tap_ok(s.rc == 0 && count_wrong(&s, at, 16, wanted) == 0, text);
    snprintf(text, sizeof(text), "contents of shared anonymous memory are found (%s)", as_whom);
    tap_ok(s.rc == 0 && count_wrong(&s, other, 16, anonymous) == 0, text);
    fixture_end(&s.f);
    munmap(at, 16 * PAGE);
    munmap(other, 16 * PAGE);
    close(fd);
}

static void test_shared_twice(void)
{
    unsigned char all[16] = {1, 1, 1, 1, 1, 1, 1, 1};
    unsigned char rest[8] = {0, 0, 0, 0, 0, 0, 0, 0};
    int fd = memfd_create("twice", 0);
    char *two;
    char *one;
    struct scanned s;

    if (ftruncate(fd, 16 * PAGE) != 0)
        return;
    two = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4 * PAGE);
    one = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (one > two) {
        char *held = one;

        one = two;
        two = held;
        munmap(one, 8 * PAGE);
        munmap(two, 8 * PAGE);
        mmap(one, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
        mmap(two, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 4 * PAGE);
    }
    memset(one, 1, 8 * PAGE);
    two[6 * PAGE] = 1;
    rest[6] = 1;
    scan(&s);
    tap_ok(s.rc == 0 && count_wrong(&s, one, 8, all) == 0, "a shared object is stored");
    tap_ok(s.rc == 0 && count_wrong(&s, two, 8, rest) == 0,
           "and of a second map only what the first does not show");
    fixture_end(&s.f);
    munmap(one, 8 * PAGE);
    munmap(two, 8 * PAGE);
    close(fd);
}

/* Not root: /proc/self/map_files cannot be opened, so that the page cache is asked. */
static void test_shared_as_nobody(void)
{
    int status = 0;
    pid_t child;

    if (getuid() != 0)
        return;
    fflush(stdout);
    child = fork();
    if (child == 0) {
        tap_failures = 0;
        if (setgid(65534) != 0 || setuid(65534) != 0 || prctl(PR_SET_DUMPABLE, 1) != 0)
            _exit(1);
        test_shared("as nobody");
        fflush(stdout);
        _exit(tap_failures == 0 ? 0 : 1);
    }
    waitpid(child, &status, 0);
    tap_count += 2;
    if (status != 0)
        tap_failures++;
}

static void test_arena(void)
{
    struct scanned s;
    const struct cr_run *run;

    scan(&s);
    run = find_run(&s, (const char *)s.f.arena.base);
    tap_ok(run != NULL && run->start == s.f.arena.base &&
               run->start + run->size >= s.f.arena.base + s.f.arena.used,
           "our own arena is stored as it is when the scan is over");
    fixture_end(&s.f);
}

int main(void)
{
    for (int fallback = 0; fallback < 2; fallback++) {
        printf("# %s\n", fallback ? "without PAGEMAP_SCAN" : "with PAGEMAP_SCAN");
        cr_fault_init(fallback ? "scan:ioctl=fail" : NULL);
        test_random_pattern();
        test_zero_pages();
        test_unreadable();
        test_guard_pages();
        test_private_file();
        test_shared("as we are");
        test_shared_twice();
        test_shared_as_nobody();
        test_arena();
    }
    cr_fault_init(NULL);
    test_many_runs();
    return tap_done();
}
