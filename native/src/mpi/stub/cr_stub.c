/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal; usable while threads are parked. Crossing into the lower half: binding to it,
 * and the shadows (TCBs of the lower half) that upper threads borrow. A shadow goes back to the
 * pool when its thread ends.
 */
#include "cr_stub.h"

#include "cr_fmt.h"
#include "cr_object.h"
#include "cr_stub_bind.h"
#include "cr_sys.h"

#include <asm/prctl.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#define EXIT_NOT_STARTED 98
#define HWCAP2_FSGSBASE 2UL

/*
 * All shadows of this lower half, for signal handlers: entries are only added, and the count grows
 * after the entry.
 */
#define SHADOWS_PER_BLOCK 256
#define BLOCKS 64

struct shadow {
    struct cr_shadow tcb;
    struct shadow *next;  /* in the pool */
    struct shadow *older; /* all of this lower half */
    uint64_t generation;
    uint64_t thread; /* upper FS base of the thread that has it; 0: none */
};

__thread struct cr_self cr_self;
int cr_stub_fsgsbase;

static struct cr_lock attach_lock;
static struct shadow *pool, *newest;
static struct cr_shadow service; /* a TCB that is only used to make more TCBs */
static uint64_t bound_generation;
static uint64_t main_upper_fs; /* of the application's main thread; 0: not known */
static pthread_key_t thread_key;
static int absent; /* not started by cr_mpirank */

static struct cr_shadow *blocks[BLOCKS];
static uint32_t shadow_count;

void cr_stub_say(const char *format, ...)
{
    char text[1024];
    va_list args;
    size_t length;

    va_start(args, format);
    length = cr_vfmt(text, sizeof(text), format, args);
    va_end(args);
    cr_sys_write(2, text, length);
}

static void fail(const char *text)
{
    cr_stub_say("quiesce: %s\n", text);
    cr_sys(SYS_exit_group, EXIT_NOT_STARTED);
}

void cr_stub_set_fs(uint64_t fs)
{
    cr_sys(SYS_arch_prctl, ARCH_SET_FS, fs);
}

uint64_t cr_stub_get_fs(void)
{
    uint64_t fs = 0;

    if (cr_stub_fsgsbase)
        __asm__ volatile("rdfsbase %0" : "=r"(fs));
    else
        cr_sys(SYS_arch_prctl, ARCH_GET_FS, &fs);
    return fs;
}

static uint64_t own_fs(void)
{
    uint64_t fs;

    __asm__ volatile("mov %%fs:0x10, %0" : "=r"(fs));
    return fs;
}

static void remember(const struct cr_shadow *tcb)
{
    uint32_t n = shadow_count;

    if (n == SHADOWS_PER_BLOCK * BLOCKS)
        fail("more than 16384 threads have called MPI at the same time");
    if (blocks[n / SHADOWS_PER_BLOCK] == NULL)
        blocks[n / SHADOWS_PER_BLOCK] = cr_pool_alloc(sizeof(*tcb) * SHADOWS_PER_BLOCK);
    blocks[n / SHADOWS_PER_BLOCK][n % SHADOWS_PER_BLOCK] = *tcb;
    __atomic_store_n(&shadow_count, n + 1, __ATOMIC_RELEASE);
}

/* Runs in signal handlers with either half's FS: no thread-local variable. */
uint64_t cr_stub_upper_fs(void)
{
    uint32_t n = __atomic_load_n(&shadow_count, __ATOMIC_ACQUIRE);
    uint64_t fs;

    if (n == 0)
        return 0;
    fs = cr_stub_get_fs();
    for (uint32_t i = 0; i < n; i++) {
        const struct cr_shadow *s = &blocks[i / SHADOWS_PER_BLOCK][i % SHADOWS_PER_BLOCK];

        if (s->fs == fs)
            return *s->upper_fs;
    }
    return 0;
}

uint64_t cr_stub_callback_enter(void)
{
    uint64_t lower = cr_stub_get_fs();

    cr_lower_set_fs(cr_lower->upper_fs());
    return lower;
}

void cr_stub_callback_leave(uint64_t lower)
{
    cr_lower_set_fs(lower);
}

static uint64_t enter_as(const struct cr_shadow *shadow)
{
    uint64_t upper = own_fs();

    *shadow->upper_fs = upper;
    cr_lower_set_fs(shadow->fs);
    return upper;
}

static int make_shadow(const struct cr_shadow *with, struct cr_shadow *ret_shadow)
{
    uint64_t upper = enter_as(with);
    int rc = cr_lower->new_shadow(ret_shadow);

    cr_lower_leave(upper);
    return rc;
}

static int resolve(const char *const *names, int count, void **out)
{
    uint64_t upper = enter_as(&cr_lower->main);
    int missing = cr_lower->resolve(names, count, out);

    cr_lower_leave(upper);
    return missing;
}

void *cr_stub_resolve(const char *name)
{
    const char *const names[1] = {name};
    void *out[1] = {NULL};
    uint64_t upper = cr_lower_enter();

    cr_lower->resolve(names, 1, out);
    cr_lower_leave(upper);
    return out[0];
}

static void bind_functions(void)
{
    size_t size = sizeof(void *) * (size_t)cr_predefined_count;
    void **objects = cr_pool_alloc(size);

    if (resolve(cr_real_names, CR_FN_COUNT, cr_real_functions) != 0) {
        for (int i = 0; i < CR_FN_COUNT; i++) {
            if (cr_real_functions[i] == NULL)
                cr_stub_say("quiesce: this node's libmpi.so.40 has no %s\n", cr_real_names[i]);
        }
        fail("Open MPI 4.1 is needed on every node");
    }
    resolve(cr_predefined_names, cr_predefined_count, objects);
    cr_handle_forget_all();
    cr_handle_bind(objects);
    cr_pool_free(objects, size);
}

/* With attach_lock held. */
static void bind(void)
{
    if (bound_generation == cr_lower->generation)
        return;
    cr_stub_fsgsbase = (getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE) != 0;
    pool = newest = NULL;
    __atomic_store_n(&shadow_count, 0, __ATOMIC_RELEASE);
    remember(&cr_lower->main);
    bind_functions();
    if (make_shadow(&cr_lower->main, &service) != 0)
        fail("cannot make a thread in the lower half");
    remember(&service);
    bound_generation = cr_lower->generation;
}

void cr_stub_bind(void)
{
    cr_lock_take(&attach_lock);
    bind();
    cr_lock_give(&attach_lock);
}

static struct shadow *borrow(void)
{
    struct shadow *s = pool;

    if (s != NULL) {
        pool = s->next;
        return s;
    }
    s = cr_pool_alloc(sizeof(*s));
    if (make_shadow(&service, &s->tcb) != 0)
        fail("cannot make a thread in the lower half");
    s->generation = bound_generation;
    s->older = newest;
    newest = s;
    remember(&s->tcb);
    return s;
}

static int is_primordial(void)
{
    return cr_sys(SYS_gettid) == cr_sys(SYS_getpid);
}

void cr_stub_attach(void)
{
    const struct cr_shadow *tcb = &cr_lower->main;
    struct shadow *s = NULL;

    if (absent)
        fail("this program uses Quiesce's libmpi.so.40 without having been started by cr_mpirank. "
             "Start it with\n"
             "    quiesce run -- mpirun ... PROGRAM    or    mpirun ... cr_mpirank PROGRAM\n"
             "or take Quiesce's folder libexec/quiesce/mpi out of LD_LIBRARY_PATH.");
    cr_lock_take(&attach_lock);
    bind();
    if (is_primordial()) {
        main_upper_fs = own_fs();
    } else {
        s = borrow();
        s->thread = own_fs();
        tcb = &s->tcb;
    }
    cr_self.lower_fs = tcb->fs;
    cr_self.upper_fs_word = tcb->upper_fs;
    cr_self.generation = bound_generation;
    cr_lock_give(&attach_lock);
    if (s != NULL)
        pthread_setspecific(thread_key, s);
}

static void thread_ends(void *value)
{
    struct shadow *s = value;

    /* A thread that parks with the lock would stop the agent too. */
    cr_gate_enter();
    cr_self.generation = 0;
    cr_lock_take(&attach_lock);
    s->thread = 0;
    if (s->generation == bound_generation) {
        s->next = pool;
        pool = s;
    } else {
        cr_pool_free(s, sizeof(*s));
    }
    cr_lock_give(&attach_lock);
    cr_gate_leave();
}

void cr_stub_each_thread(void (*visit)(uint64_t upper_fs))
{
    cr_lock_take(&attach_lock);
    if (main_upper_fs != 0)
        visit(main_upper_fs);
    for (const struct shadow *s = newest; s != NULL; s = s->older)
        if (s->thread != 0)
            visit(s->thread);
    cr_lock_give(&attach_lock);
}

/* Callbacks find the main thread's upper FS in the shadow, not the caller's. */
void cr_stub_borrow_main(struct cr_self *ret_saved)
{
    static uint64_t ignored;

    cr_stub_bind();
    *ret_saved = cr_self;
    cr_self.lower_fs = cr_lower->main.fs;
    cr_self.upper_fs_word = cr_lower->main.upper_fs;
    cr_self.generation = bound_generation;
    if (main_upper_fs != 0) {
        *cr_lower->main.upper_fs = main_upper_fs;
        cr_self.upper_fs_word = &ignored;
    }
}

void cr_stub_return_main(const struct cr_self *saved)
{
    cr_self.lower_fs = saved->lower_fs;
    cr_self.upper_fs_word = saved->upper_fs_word;
    cr_self.generation = saved->generation;
}

/*
 * Without cr_mpirank there is no info page. Then an empty one is put there, so that the first call
 * of MPI comes to cr_stub_attach() and says what is wrong; a program that only links MPI runs.
 */
__attribute__((constructor)) static void start(void)
{
    uint64_t at = cr_sys_mmap(CR_LOWER_INFO_ADDRESS, CR_PAGE, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

    if (!cr_sys_is_error(at) || cr_lower->magic != CR_LOWER_MAGIC ||
        cr_lower->version != CR_LOWER_VERSION)
        absent = 1;
    if (!cr_sys_is_error(at))
        cr_lower->generation = 1;
    if (!absent)
        cr_environment_init();
    if (is_primordial())
        main_upper_fs = own_fs();
    pthread_key_create(&thread_key, thread_ends);
    /* Of the thread's own half; needed by signal handlers before the first call of MPI. */
    cr_stub_fsgsbase = (getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE) != 0;
}
