/* test_pool.c - the thread pool: every item exactly once, no two at a time in one worker, for any
 * number of threads and many calls in a row; workers compute in the strict floating-point mode. */
#include "codec/base/pool.h"

#include "codec/base/cpu.h"
#include "tests/test.h"

#include <float.h>
#include <stdatomic.h>
#include <time.h>

enum { MAX_ITEMS = 1000, WORKERS = 16 };

typedef struct work {
    int threads;
    atomic_int done[MAX_ITEMS];
    atomic_int busy[WORKERS]; /* items this worker is in */
    atomic_int clashes, strangers;
    int plain[MAX_ITEMS]; /* written without a lock: the pool must hand it back safely */
} work;

static void do_item(void *user, size_t item, int worker)
{
    work *w = user;
    if (worker < 0 || worker >= w->threads) {
        atomic_fetch_add(&w->strangers, 1);
        return;
    }
    if (atomic_fetch_add(&w->busy[worker], 1) != 0)
        atomic_fetch_add(&w->clashes, 1);
    atomic_fetch_add(&w->done[item], 1);
    w->plain[item] += (int)item;
    atomic_fetch_sub(&w->busy[worker], 1);
}

static void check_run(lic_pool *pool, size_t n)
{
    static work w;
    memset(&w, 0, sizeof w);
    w.threads = lic_pool_threads(pool);
    lic_pool_run(pool, n, do_item, &w);
    for (size_t i = 0; i < MAX_ITEMS; i++) {
        CHECK_EQ_INT(atomic_load(&w.done[i]), i < n ? 1 : 0);
        CHECK_EQ_INT(w.plain[i], i < n ? (int)i : 0);
    }
    CHECK_EQ_INT(atomic_load(&w.clashes), 0);
    CHECK_EQ_INT(atomic_load(&w.strangers), 0);
}

TEST(pool_runs_every_item_once)
{
    static const int threads[] = {1, 2, 3, 7, WORKERS};
    static const size_t counts[] = {0, 1, 2, 3, 16, 63, MAX_ITEMS};
    for (size_t t = 0; t < sizeof threads / sizeof threads[0]; t++) {
        lic_pool *pool = lic_pool_new(threads[t], NULL);
        REQUIRE(pool != NULL);
        CHECK_EQ_INT(lic_pool_threads(pool), threads[t]);
        for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
            check_run(pool, counts[i]);
        lic_pool_free(pool);
    }
}

typedef struct held_up {
    atomic_int done;
    int others;
} held_up;

static void first_waits_for_others(void *user, size_t item, int worker)
{
    held_up *h = user;
    (void)worker;
    while (item == 0 && atomic_load(&h->done) < h->others)
        ;
    atomic_fetch_add(&h->done, 1);
}

/* Whoever is stuck in an item, the rest of its share is done by others. */
TEST(pool_helps_a_thread_that_is_held_up)
{
    enum { ITEMS = 40 };
    for (int threads = 2; threads <= 5; threads++) {
        held_up h = {.others = ITEMS - 1};
        lic_pool *pool = lic_pool_new(threads, NULL);
        REQUIRE(pool != NULL);
        lic_pool_run(pool, ITEMS, first_waits_for_others, &h);
        CHECK_EQ_INT(atomic_load(&h.done), ITEMS);
        lic_pool_free(pool);
    }
}

static void add_one(void *user, size_t item, int worker)
{
    (void)worker;
    ((int *)user)[item]++;
}

/* Short calls one after another: a worker that comes late to one must not take part in the next. */
TEST(pool_many_calls_in_a_row)
{
    int sums[5] = {0};
    lic_pool *pool = lic_pool_new(4, NULL);
    REQUIRE(pool != NULL);
    for (int i = 0; i < 3000; i++)
        lic_pool_run(pool, (size_t)(i % 6), add_one, sums);
    for (int i = 0; i < 5; i++)
        CHECK_EQ_INT(sums[i], 3000 / 6 * (5 - i));
    lic_pool_free(pool);
}

/* Workers that have gone to sleep come, one after the other or all at once. */
TEST(pool_after_a_pause)
{
    const struct timespec pause = {.tv_nsec = 2000000};
    int sums[40] = {0};
    lic_pool *pool = lic_pool_new(4, NULL);
    REQUIRE(pool != NULL);
    for (int i = 0; i < 20; i++) {
        nanosleep(&pause, NULL);
        for (int n = 0; n < 3; n++)
            lic_pool_run(pool, 40, add_one, sums);
    }
    for (int i = 0; i < 40; i++)
        CHECK_EQ_INT(sums[i], 60);
    lic_pool_free(pool);
}

TEST(pool_unused_and_none)
{
    lic_pool *pool = lic_pool_new(5, NULL);
    CHECK(pool != NULL);
    lic_pool_free(pool);
    lic_pool_free(NULL);
}

/* ---- floating point -------------------------------------------------------------------------- */

typedef struct modes {
    atomic_int entered; /* workers that are in an item; each waits for all */
    int threads;
    int flushed[WORKERS];
} modes;

/* Each worker gets exactly one item, because it waits until all have theirs. */
static void look_at_mode(void *user, size_t item, int worker)
{
    modes *m = user;
    volatile float least = FLT_MIN, half = 0.5f;
    (void)item;
    atomic_fetch_add(&m->entered, 1);
    while (atomic_load(&m->entered) < m->threads)
        ;
    m->flushed[worker] = least * half == 0.0f;
}

/* New threads take over the mode of the one that starts them: here one that flushes to zero. */
TEST(pool_workers_compute_strictly)
{
#if defined(__x86_64__) || defined(__aarch64__)
    modes m = {.threads = 4};
    lic_pool *pool = NULL;
#if defined(__x86_64__)
    const unsigned saved = __builtin_ia32_stmxcsr();
    __builtin_ia32_ldmxcsr(saved | 0x8040);
    pool = lic_pool_new(m.threads, NULL);
    __builtin_ia32_ldmxcsr(saved);
#else
    uint64_t saved, flush;
    __asm__ volatile("mrs %0, fpcr" : "=r"(saved));
    flush = saved | (uint64_t)1 << 24;
    __asm__ volatile("msr fpcr, %0" : : "r"(flush));
    pool = lic_pool_new(m.threads, NULL);
    __asm__ volatile("msr fpcr, %0" : : "r"(saved));
#endif
    REQUIRE(pool != NULL);
    lic_pool_run(pool, (size_t)m.threads, look_at_mode, &m);
    for (int i = 0; i < m.threads; i++)
        CHECK(!m.flushed[i]);
    lic_pool_free(pool);
#endif
}

/* ---- sizes and failure ----------------------------------------------------------------------- */

TEST(pool_resolves_threads)
{
    CHECK(lic_pool_resolve_threads(0) >= 1);
    CHECK(lic_pool_resolve_threads(0) <= LIC_MAX_THREADS);
    CHECK_EQ_INT(lic_pool_resolve_threads(1), 1);
    CHECK_EQ_INT(lic_pool_resolve_threads(7), 7);
    CHECK_EQ_INT(lic_pool_resolve_threads(LIC_MAX_THREADS), LIC_MAX_THREADS);
    CHECK_EQ_INT(lic_pool_resolve_threads(1000000), LIC_MAX_THREADS);
}

static void *refuse(void *user, size_t bytes)
{
    (void)user;
    (void)bytes;
    return NULL;
}

static void no_free(void *user, void *pointer)
{
    (void)user;
    (void)pointer;
}

TEST(pool_without_memory)
{
    const lic_allocator allocator = {refuse, no_free, NULL};
    CHECK(lic_pool_new(3, &allocator) == NULL);
}
