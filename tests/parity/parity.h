/* parity.h - what the parity tests share: the kernel tables that this machine can run, operands
 * that end (or begin) at a page nobody may touch, random values, and comparison bit by bit.
 *
 * A kernel that leaves its operands dies on a guard page, and the handler names the case. Include
 * it first: anonymous mappings are not in POSIX. LIC_TEST_QUICK (emulators) runs fewer random
 * cases. */
#ifndef LIC_TESTS_PARITY_H
#define LIC_TESTS_PARITY_H

#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE
#endif
#include "codec/base/cpu.h"
#include "models/kernels/strict.h"
#include "tests/test.h"

#include <math.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef LIC_TEST_QUICK
enum { PARITY_SHARE = 10 };
#else
enum { PARITY_SHARE = 1 };
#endif

/* ---- levels ---------------------------------------------------------------------------------- */

enum { PARITY_LEVELS = 1 + LIC_CPU_LAST };

typedef struct level {
    const char *name;
    const lic_kernels *k;
} level;

/* Every table that is built in and that this processor can run; the first is plain C. */
static inline int parity_levels(level out[PARITY_LEVELS])
{
    int n = 0;
    out[n++] = (level){"scalar", &lic_kernels_scalar};
    for (lic_cpu cpu = LIC_CPU_SCALAR; cpu <= LIC_CPU_LAST; cpu++) {
        const lic_kernels *k = lic_kernels_get(cpu);
        if (k && k != &lic_kernels_scalar)
            out[n++] = (level){cpu == LIC_CPU_SCALAR ? "scalar with fma" : lic_cpu_name(cpu), k};
    }
    return n;
}

/* ---- guard pages ----------------------------------------------------------------------------- */

/* Where an operand lies in its pages. Odd counts at the end, or SHIFTED, make odd addresses. */
typedef enum side { AT_END, AT_START, SHIFTED } side;

enum { MAX_OPERANDS = 40 };
static struct {
    void *map;
    size_t bytes;
} parity_maps[MAX_OPERANDS];
static int parity_n_maps;
static char parity_case[200]; /* what runs now */

static void parity_fault(int number)
{
    static const char text[] = "left its operands: ";
    (void)number;
    if (write(1, text, sizeof text - 1) < 0 || write(1, parity_case, strlen(parity_case)) < 0 ||
        write(1, "\n", 1) < 0)
        _exit(3);
    _exit(2);
}

/* Frees the operands of the last case; the next begins. */
#define NEW_CASE(...)                                                                              \
    do {                                                                                           \
        parity_clear();                                                                            \
        snprintf(parity_case, sizeof parity_case, __VA_ARGS__);                                    \
    } while (0)

static inline void parity_clear(void)
{
    signal(SIGSEGV, parity_fault);
    signal(SIGBUS, parity_fault);
    while (parity_n_maps > 0) {
        parity_n_maps--;
        munmap(parity_maps[parity_n_maps].map, parity_maps[parity_n_maps].bytes);
    }
}

/* Room for n floats between two guard pages. */
static inline float *operand(size_t n, side where)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes = n * sizeof(float);
    const size_t room = (bytes + 64 + page - 1) / page * page;
    char *map = mmap(NULL, room + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED || parity_n_maps == MAX_OPERANDS ||
        mprotect(map + page, room, PROT_READ | PROT_WRITE)) {
        printf("no memory for operands\n");
        exit(2);
    }
    parity_maps[parity_n_maps].map = map;
    parity_maps[parity_n_maps++].bytes = room + 2 * page;
    const size_t shift = 4 * (1 + test_random_below(15));
    return (float *)(void *)(map + page +
                             (where == AT_END    ? room - bytes
                              : where == SHIFTED ? shift
                                                 : 0));
}

static inline side random_side(void)
{
    return (side)test_random_below(3);
}

/* ---- values ---------------------------------------------------------------------------------- */

static inline float from_bits(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static inline uint32_t to_bits(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

/* -1 .. 1 */
static inline float random_float(void)
{
    return (float)test_random_below(1u << 24) / 8388608.0f - 1.0f;
}

/* Mostly ordinary; now and then a zero of either sign, or one of quite another size. */
static inline float random_value(void)
{
    const uint32_t kind = test_random_below(32);
    if (kind < 2)
        return kind ? -0.0f : 0.0f;
    return random_float() * (kind == 2 ? 1e5f : kind == 3 ? 1e-5f : 1.0f);
}

static inline float *random_operand(size_t n, side where)
{
    float *p = operand(n, where);
    for (size_t i = 0; i < n; i++)
        p[i] = random_value();
    return p;
}

/* -1 .. 1 throughout, for kernels whose error grows with the spread of their values. */
static inline float *even_operand(size_t n, side where)
{
    float *p = operand(n, where);
    for (size_t i = 0; i < n; i++)
        p[i] = random_float();
    return p;
}

/* An operand for results: every float holds the same odd NaN, so that gaps can be checked too. */
static inline void fill_result(float *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = from_bits(0x7FA5A5A5u);
}

static inline float *result_operand(size_t n, side where)
{
    float *p = operand(n, where);
    fill_result(p, n);
    return p;
}

static inline size_t round_up(size_t n)
{
    return (n + LIC_PANEL - 1) / LIC_PANEL * LIC_PANEL;
}

/* ---- comparison ------------------------------------------------------------------------------ */

static inline void check_bits(const float *got, const float *want, size_t n, const char *name)
{
    const int same = !memcmp(got, want, n * sizeof *got);
    size_t i = 0;
    while (!same && i < n && to_bits(got[i]) == to_bits(want[i]))
        i++;
    if (test_failed(same))
        printf("%s, %s: value %zu of %zu is %a, expected %a\n", name, parity_case, i, n,
               (double)got[i], (double)want[i]);
}

/* As check_bits, but one NaN is as good as another. */
static inline void check_bits_or_nan(const float *got, const float *want, size_t n,
                                     const char *name)
{
    size_t i = 0;
    while (i < n && (to_bits(got[i]) == to_bits(want[i]) || (isnan(got[i]) && isnan(want[i]))))
        i++;
    if (test_failed(i == n))
        printf("%s, %s: value %zu of %zu is %a, expected %a\n", name, parity_case, i, n,
               (double)got[i], (double)want[i]);
}

typedef void parity_run(void *problem, const lic_kernels *k); /* k NULL: the plain form */
typedef void parity_check(const float *got, const float *want, size_t n, const char *name);

/* Every level must give what the plain form gives, in a result of n floats of which it may leave
 * some as they are. */
static inline void compare_levels(parity_run *run, void *problem, float *result, size_t n,
                                  parity_check *check)
{
    level levels[PARITY_LEVELS];
    const int n_levels = parity_levels(levels);
    float *want = malloc(n * sizeof *want);
    REQUIRE(want != NULL);
    fill_result(result, n);
    run(problem, NULL);
    memcpy(want, result, n * sizeof *want);
    for (int i = 0; i < n_levels; i++) {
        fill_result(result, n);
        run(problem, levels[i].k);
        check(result, want, n, levels[i].name);
    }
    free(want);
}

/* Largest difference within `bound` times the largest wanted value. */
static inline void check_near(const float *got, const double *want, size_t n, double bound)
{
    double top = 0, worst = 0;
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        const double error = fabs((double)got[i] - want[i]);
        top = fabs(want[i]) > top ? fabs(want[i]) : top;
        if (!(error <= worst)) { /* NaN as well */
            worst = error;
            at = i;
        }
    }
    if (test_failed(worst <= bound * top))
        printf("%s: value %zu of %zu is %g, expected %g: off by %.2g of the largest\n", parity_case,
               at, n, (double)got[at], want[at], worst / top);
}

#endif
