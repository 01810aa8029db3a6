/* test.h - the test framework of all C unit tests: one file, one program.
 *
 *     #include "tests/test.h"
 *     TEST(addition_works) { CHECK_EQ_INT(1 + 1, 2); }
 *
 * Including it gives the program its main(). Tests register themselves and run in the order of the
 * file. A failed CHECK is printed with file:line and the test goes on; a failed REQUIRE leaves the
 * test function. The first argument is a filter: only tests whose names contain it run. The last
 * line of output is exactly "N passed, N failed" and the exit status is 1 if any failed. Include it
 * from one source per program only; it needs gcc or clang (constructors). */
#ifndef LIC_TESTS_TEST_H
#define LIC_TESTS_TEST_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct test_case {
    const char *name;
    void (*run)(void);
    struct test_case *next;
} test_case;

static test_case *test_first, **test_last = &test_first;
static unsigned long test_n_checks, test_n_failures; /* failures: of the running test */
enum { TEST_MAX_PRINTED = 10 }; /* per test: a failure in a loop is one fault */

#define TEST(test_name)                                                                            \
    static void test_run_##test_name(void);                                                        \
    static test_case test_case_##test_name = {#test_name, test_run_##test_name, NULL};             \
    __attribute__((constructor)) static void test_register_##test_name(void)                       \
    {                                                                                              \
        *test_last = &test_case_##test_name;                                                       \
        test_last = &test_case_##test_name.next;                                                   \
    }                                                                                              \
    static void test_run_##test_name(void)

/* Counts a check; true (a line is due) if it failed, and few of the test have been printed. */
static inline int test_failed(int ok)
{
    test_n_checks++;
    return !ok && ++test_n_failures <= TEST_MAX_PRINTED;
}

static inline void test_check(int ok, const char *what, const char *file, int line)
{
    if (test_failed(ok))
        printf("%s:%d: failed: %s\n", file, line, what);
}

static inline void test_check_int(long long a, long long b, const char *what, const char *file,
                                  int line)
{
    if (test_failed(a == b))
        printf("%s:%d: failed: %s: %lld, expected %lld\n", file, line, what, a, b);
}

static inline void test_check_str(const char *a, const char *b, const char *what, const char *file,
                                  int line)
{
    if (test_failed(strcmp(a, b) == 0))
        printf("%s:%d: failed: %s: \"%s\", expected \"%s\"\n", file, line, what, a, b);
}

static inline void test_check_mem(const void *a, const void *b, size_t bytes, const char *what,
                                  const char *file, int line)
{
    const unsigned char *x = a, *y = b;
    size_t i = 0;
    while (i < bytes && x[i] == y[i])
        i++;
    if (test_failed(i == bytes))
        printf("%s:%d: failed: %s: byte %zu is %02x, expected %02x\n", file, line, what, i, x[i],
               y[i]);
}

/* The first argument is what came out, the second what should have. */
#define CHECK(cond) test_check(!!(cond), #cond, __FILE__, __LINE__)
#define CHECK_EQ_INT(a, b)                                                                         \
    test_check_int((long long)(a), (long long)(b), #a " == " #b, __FILE__, __LINE__)
#define CHECK_EQ_STR(a, b) test_check_str((a), (b), #a " == " #b, __FILE__, __LINE__)
#define CHECK_EQ_MEM(a, b, bytes)                                                                  \
    test_check_mem((a), (b), (bytes), #a " == " #b, __FILE__, __LINE__)
#define REQUIRE(cond)                                                                              \
    do {                                                                                           \
        int test_ok_ = !!(cond);                                                                   \
        test_check(test_ok_, #cond, __FILE__, __LINE__);                                           \
        if (!test_ok_)                                                                             \
            return;                                                                                \
    } while (0)

/* Repeatable random numbers (SplitMix64); every test starts from the same state. */
static uint64_t test_random_state;

static inline uint64_t test_random(void)
{
    uint64_t z = (test_random_state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* 0 .. n - 1 */
static inline uint32_t test_random_below(uint32_t n)
{
    return (uint32_t)(((test_random() >> 32) * n) >> 32);
}

int main(int argc, char **argv)
{
    unsigned long passed = 0, failed = 0;
    for (const test_case *t = test_first; t; t = t->next) {
        if (argc > 1 && !strstr(t->name, argv[1]))
            continue;
        test_n_failures = 0;
        test_random_state = 1;
        t->run();
        if (test_n_failures > TEST_MAX_PRINTED)
            printf("(and %lu more)\n", test_n_failures - TEST_MAX_PRINTED);
        if (test_n_failures)
            printf("FAILED %s\n", t->name);
        *(test_n_failures ? &failed : &passed) += 1;
        fflush(stdout);
    }
    printf("%lu checks\n%lu passed, %lu failed\n", test_n_checks, passed, failed);
    return failed != 0;
}

#endif
