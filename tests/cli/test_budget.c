/* test_budget.c - the budget hands out threads and memory: never more of either than there is, but
 * for one who is alone, and everybody's turn comes. */
#include "cli/batch/budget.h"
#include "tests/test.h"

#include <stdbool.h>

enum { THREADS = 4, WORKERS = 8, JOBS = 300, MOST_BYTES = 1000 };

struct counts {
    lic_budget budget;
    pthread_mutex_t lock;
    int threads, alone, entered, wrong_threads, wrong_bytes, drops;
    uint64_t bytes;
};

struct worker {
    struct counts *all;
    uint64_t held, kept; /* kept: for the next job */
    uint64_t random;
};

static void drop(void *user)
{
    struct worker *w = user;
    w->kept = 0;
    w->all->drops++; /* the budget's lock is held */
}

static uint64_t next(struct worker *w, uint64_t n)
{
    w->random = w->random * 6364136223846793005u + 1442695040888963407u;
    return (w->random >> 33) % n;
}

static void note(struct counts *c, int threads, int64_t bytes, int busy)
{
    pthread_mutex_lock(&c->lock);
    c->threads += threads;
    c->alone += busy;
    c->bytes += (uint64_t)bytes;
    c->entered += busy > 0;
    c->wrong_threads += c->threads > THREADS;
    c->wrong_bytes += c->bytes > MOST_BYTES && c->alone > 1;
    pthread_mutex_unlock(&c->lock);
}

/* One worker: takes, counts and gives back in turn, as a batch does. */
static void *work(void *user)
{
    struct worker *w = user;
    struct counts *c = w->all;
    for (int i = 0; i < JOBS; i++) {
        const int threads = 1 + (int)next(w, THREADS);
        const uint64_t bytes = next(w, 20) ? next(w, MOST_BYTES / 2) : 3 * MOST_BYTES / 2;
        lic_budget_take(&c->budget, threads, bytes, &w->held, drop, w);
        note(c, threads, (int64_t)bytes, 1);
        for (volatile uint64_t spin = next(w, 2000); spin; spin--)
            ;
        note(c, -threads, -(int64_t)bytes, -1);
        lic_budget_return(&c->budget, threads);
        w->kept = lic_budget_is_crowded(&c->budget) ? 0 : bytes / 2;
        lic_budget_keep(&c->budget, w->kept, &w->held);
    }
    lic_budget_keep(&c->budget, 0, &w->held);
    return NULL;
}

TEST(never_too_much_and_everybodys_turn)
{
    static struct counts c; /* zeroed */
    static struct worker workers[WORKERS];
    pthread_t threads[WORKERS];
    lic_budget_init(&c.budget, THREADS, MOST_BYTES);
    pthread_mutex_init(&c.lock, NULL);
    for (int i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){.all = &c, .random = (uint64_t)i + 1};
        REQUIRE(pthread_create(&threads[i], NULL, work, &workers[i]) == 0);
    }
    for (int i = 0; i < WORKERS; i++)
        pthread_join(threads[i], NULL);
    CHECK_EQ_INT(c.entered, WORKERS * JOBS);
    CHECK_EQ_INT(c.wrong_threads, 0);
    CHECK_EQ_INT(c.wrong_bytes, 0);
    CHECK_EQ_INT(c.budget.used_bytes, 0);
    CHECK_EQ_INT(c.budget.free_threads, THREADS);
    lic_budget_destroy(&c.budget);
    pthread_mutex_destroy(&c.lock);
}

TEST(what_is_held_counts_once)
{
    struct counts c = {.threads = 0};
    struct worker w = {.all = &c};
    lic_budget_init(&c.budget, 2, 100);
    lic_budget_take(&c.budget, 2, 60, &w.held, drop, &w);
    CHECK_EQ_INT(c.budget.used_bytes, 60);
    lic_budget_return(&c.budget, 2);
    lic_budget_keep(&c.budget, 40, &w.held);
    lic_budget_take(&c.budget, 1, 90, &w.held, drop, &w); /* of them 40 that it has */
    CHECK_EQ_INT(c.budget.used_bytes, 90);
    CHECK_EQ_INT(c.drops, 0);
    lic_budget_return(&c.budget, 1);
    lic_budget_keep(&c.budget, 0, &w.held);
    CHECK_EQ_INT(c.budget.used_bytes, 0);
    CHECK(!lic_budget_is_crowded(&c.budget));
    lic_budget_destroy(&c.budget);
}
