/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of huge pages (MAP_HUGETLB), private and shared. */
#include "memory.h"

#define HUGE (2UL << 20)

int main(int argc, char **argv)
{
    char text[512] = "";
    char *private, *shared, *none;

    sc_init(argc, argv, "memory of huge pages is kept");
    private = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | (21 << 26), -1, 0);
    shared = mmap(NULL, HUGE, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB | (21 << 26), -1, 0);
    none = mmap(NULL, HUGE, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_NORESERVE | (21 << 26), -1, 0);
    if (private == MAP_FAILED || shared == MAP_FAILED || none == MAP_FAILED)
        sc_skip("no huge pages are free (sysctl vm.nr_hugepages)");
    mem_fill(private, HUGE, 1);
    mem_fill(shared, HUGE, 2);
    sc_ready();
    sc_wait();
    mem_check("private", private, HUGE, 1);
    mem_check_zero("untouched", private + HUGE, HUGE);
    mem_check("shared", shared, HUGE, 2);
    mem_smaps(private, "KernelPageSize:", text, sizeof(text));
    if (atoi(text) != 2048)
        sc_fail("private memory has pages of %d KiB", atoi(text));
    mem_smaps(shared, "KernelPageSize:", text, sizeof(text));
    if (atoi(text) != 2048)
        sc_fail("shared memory has pages of %d KiB", atoi(text));
    sc_pass();
}
