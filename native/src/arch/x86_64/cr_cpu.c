/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. */
#include "cr_cpu.h"

#include <cpuid.h>
#include <string.h>

#define OSXSAVE (1U << 27)

static const struct {
    uint32_t leaf, subleaf;
} leaves[CR_CPU_LEAVES] = {{1, 0}, {7, 0}, {7, 1}, {0xd, 1}, {0x80000001U, 0}};

enum { LEAF_1 = 0, LEAF_7 = 4, LEAF_7_1 = 8, LEAF_D = 12, LEAF_EXT = 16 };
enum { EAX, EBX, ECX, EDX };

static const struct {
    uint8_t word, bit;
    char name[14];
} features[] = {
    {LEAF_1 + ECX, 0, "sse3"},          {LEAF_1 + ECX, 1, "pclmulqdq"},
    {LEAF_1 + ECX, 9, "ssse3"},         {LEAF_1 + ECX, 12, "fma"},
    {LEAF_1 + ECX, 13, "cx16"},         {LEAF_1 + ECX, 19, "sse4_1"},
    {LEAF_1 + ECX, 20, "sse4_2"},       {LEAF_1 + ECX, 22, "movbe"},
    {LEAF_1 + ECX, 23, "popcnt"},       {LEAF_1 + ECX, 25, "aes"},
    {LEAF_1 + ECX, 26, "xsave"},        {LEAF_1 + ECX, 28, "avx"},
    {LEAF_1 + ECX, 29, "f16c"},         {LEAF_1 + ECX, 30, "rdrand"},
    {LEAF_7 + EBX, 0, "fsgsbase"},      {LEAF_7 + EBX, 3, "bmi1"},
    {LEAF_7 + EBX, 4, "hle"},           {LEAF_7 + EBX, 5, "avx2"},
    {LEAF_7 + EBX, 8, "bmi2"},          {LEAF_7 + EBX, 11, "rtm"},
    {LEAF_7 + EBX, 16, "avx512f"},      {LEAF_7 + EBX, 17, "avx512dq"},
    {LEAF_7 + EBX, 18, "rdseed"},       {LEAF_7 + EBX, 19, "adx"},
    {LEAF_7 + EBX, 21, "avx512ifma"},   {LEAF_7 + EBX, 23, "clflushopt"},
    {LEAF_7 + EBX, 24, "clwb"},         {LEAF_7 + EBX, 28, "avx512cd"},
    {LEAF_7 + EBX, 29, "sha"},          {LEAF_7 + EBX, 30, "avx512bw"},
    {LEAF_7 + EBX, 31, "avx512vl"},     {LEAF_7 + ECX, 1, "avx512vbmi"},
    {LEAF_7 + ECX, 4, "ospke"},         {LEAF_7 + ECX, 6, "avx512vbmi2"},
    {LEAF_7 + ECX, 8, "gfni"},          {LEAF_7 + ECX, 9, "vaes"},
    {LEAF_7 + ECX, 10, "vpclmulqdq"},   {LEAF_7 + ECX, 11, "avx512vnni"},
    {LEAF_7 + ECX, 12, "avx512bitalg"}, {LEAF_7 + ECX, 14, "avx512vpopcnt"},
    {LEAF_7 + ECX, 22, "rdpid"},        {LEAF_7 + ECX, 27, "movdiri"},
    {LEAF_7 + ECX, 28, "movdir64b"},    {LEAF_7 + EDX, 22, "amx_bf16"},
    {LEAF_7 + EDX, 23, "avx512_fp16"},  {LEAF_7 + EDX, 24, "amx_tile"},
    {LEAF_7 + EDX, 25, "amx_int8"},     {LEAF_7_1 + EAX, 4, "avx_vnni"},
    {LEAF_7_1 + EAX, 5, "avx512_bf16"}, {LEAF_D + EAX, 1, "xsavec"},
    {LEAF_D + EAX, 2, "xgetbv1"},       {LEAF_EXT + ECX, 0, "lahf_lm"},
    {LEAF_EXT + ECX, 5, "lzcnt"},       {LEAF_EXT + ECX, 6, "sse4a"},
    {LEAF_EXT + ECX, 8, "prefetchw"},   {LEAF_EXT + ECX, 11, "xop"},
    {LEAF_EXT + ECX, 16, "fma4"},       {LEAF_EXT + EDX, 27, "rdtscp"},
};

void cr_cpu_read(struct cr_cpu *ret_cpu)
{
    uint32_t a;
    uint32_t b;
    uint32_t c;
    uint32_t d;

    memset(ret_cpu, 0, sizeof(*ret_cpu));
    for (size_t i = 0; i < CR_CPU_LEAVES; i++) {
        uint32_t *w = ret_cpu->words + 4 * i;
        if (__get_cpuid_count(leaves[i].leaf, leaves[i].subleaf, &w[0], &w[1], &w[2], &w[3]) == 0)
            memset(w, 0, 4 * sizeof(*w));
    }
    if ((ret_cpu->words[LEAF_1 + ECX] & OSXSAVE) == 0)
        return;
    __asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
    ret_cpu->xcr0 = (uint64_t)d << 32 | a;
    if (__get_cpuid_count(0xd, 0, &a, &b, &c, &d) != 0)
        ret_cpu->xsave_size = b;
}

const char *cr_cpu_lacks(const struct cr_cpu *have, const struct cr_cpu *needed)
{
    for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
        uint32_t bit = 1U << features[i].bit;
        if ((needed->words[features[i].word] & bit) != 0 &&
            (have->words[features[i].word] & bit) == 0)
            return features[i].name;
    }
    if ((needed->xcr0 & ~have->xcr0) != 0)
        return "state that xsave keeps (XCR0)";
    return NULL;
}
