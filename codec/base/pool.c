/* pool.c - see pool.h. Items are handed out by an atomic counter, so uneven items balance by
 * themselves. Layers follow each other within microseconds: workers watch for the next call that
 * long before they sleep on a condition variable. */
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* sched_getaffinity */
#endif
#include "codec/base/pool.h"

#include "codec/base/cpu.h"
#include "codec/base/status.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

enum { SPINS = 1000 }; /* some 20 to 40 microseconds */

struct worker {
    lic_pool *pool;
    pthread_t thread;
    int index;
};

struct lic_pool {
    const lic_allocator *allocator;
    int threads; /* the caller included */
    pthread_mutex_t lock;
    pthread_cond_t start, done;
    atomic_ulong call;   /* odd while workers may join it */
    atomic_int active;   /* workers that take part, or check whether they may */
    atomic_int sleeping; /* workers */
    atomic_bool waiting; /* the caller, for the active ones */
    atomic_bool stop;
    lic_pool_fn fn;
    void *user;
    size_t n;
    atomic_size_t next;
    struct worker workers[]; /* [threads - 1] */
};

static void work(lic_pool *pool, int index)
{
    size_t item;
    while ((item = atomic_fetch_add(&pool->next, 1)) < pool->n)
        pool->fn(pool->user, item, index);
}

static bool has_call(lic_pool *pool, unsigned long seen)
{
    const unsigned long call = atomic_load(&pool->call);
    return (call % 2 && call != seen) || atomic_load(&pool->stop);
}

static void wait_for_call(lic_pool *pool, unsigned long seen)
{
    for (int i = 0; i < SPINS; i++) {
        if (has_call(pool, seen))
            return;
        lic_cpu_relax();
    }
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add(&pool->sleeping, 1);
    while (!has_call(pool, seen))
        pthread_cond_wait(&pool->start, &pool->lock);
    atomic_fetch_sub(&pool->sleeping, 1);
    pthread_mutex_unlock(&pool->lock);
}

/* A worker counts as active before it checks whether the call is still open. The caller closes the
 * call, then waits for the active workers; so it never waits for one that has not come yet. */
static void *worker_main(void *argument)
{
    struct worker *self = argument;
    lic_pool *pool = self->pool;
    unsigned long seen = 0;
    (void)lic_fp_enter(); /* the thread is ours: nothing to restore */
    for (;;) {
        wait_for_call(pool, seen);
        if (atomic_load(&pool->stop))
            return NULL;
        atomic_fetch_add(&pool->active, 1);
        const unsigned long call = atomic_load(&pool->call);
        if (call % 2) {
            seen = call;
            work(pool, self->index);
        }
        if (atomic_fetch_sub(&pool->active, 1) == 1 && atomic_load(&pool->waiting)) {
            pthread_mutex_lock(&pool->lock);
            pthread_cond_signal(&pool->done);
            pthread_mutex_unlock(&pool->lock);
        }
    }
}

lic_pool *lic_pool_new(int threads, const lic_allocator *allocator)
{
    size_t n_workers = (size_t)threads - 1;
    lic_pool *pool = lic_alloc(allocator, sizeof *pool + n_workers * sizeof pool->workers[0]);
    if (!pool)
        return NULL;
    memset(pool, 0, sizeof *pool);
    pool->allocator = allocator;
    pool->threads = 1;
    atomic_init(&pool->next, 0);
    atomic_init(&pool->call, 0);
    atomic_init(&pool->active, 0);
    atomic_init(&pool->sleeping, 0);
    atomic_init(&pool->waiting, false);
    atomic_init(&pool->stop, false);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->start, NULL);
    pthread_cond_init(&pool->done, NULL);
    for (int i = 1; i < threads; i++) {
        struct worker *w = &pool->workers[i - 1];
        *w = (struct worker){.pool = pool, .index = i};
        if (pthread_create(&w->thread, NULL, worker_main, w)) {
            lic_pool_free(pool);
            return NULL;
        }
        pool->threads++;
    }
    return pool;
}

void lic_pool_free(lic_pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->stop, true);
    pthread_cond_broadcast(&pool->start);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 1; i < pool->threads; i++)
        pthread_join(pool->workers[i - 1].thread, NULL);
    pthread_cond_destroy(&pool->done);
    pthread_cond_destroy(&pool->start);
    pthread_mutex_destroy(&pool->lock);
    lic_dealloc(pool->allocator, pool);
}

int lic_pool_threads(const lic_pool *pool)
{
    return pool->threads;
}

static void wake(lic_pool *pool)
{
    if (!atomic_load(&pool->sleeping))
        return;
    pthread_mutex_lock(&pool->lock);
    pthread_cond_broadcast(&pool->start);
    pthread_mutex_unlock(&pool->lock);
}

static void wait_for_workers(lic_pool *pool)
{
    for (int i = 0; i < SPINS; i++) {
        if (!atomic_load(&pool->active))
            return;
        lic_cpu_relax();
    }
    pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->waiting, true);
    while (atomic_load(&pool->active))
        pthread_cond_wait(&pool->done, &pool->lock);
    atomic_store(&pool->waiting, false);
    pthread_mutex_unlock(&pool->lock);
}

void lic_pool_run(lic_pool *pool, size_t n, lic_pool_fn fn, void *user)
{
    const bool shared = pool->threads > 1 && n > 1;
    pool->fn = fn;
    pool->user = user;
    pool->n = n;
    atomic_store(&pool->next, 0);
    if (shared) {
        atomic_fetch_add(&pool->call, 1);
        wake(pool);
    }
    work(pool, 0);
    if (shared) {
        atomic_fetch_add(&pool->call, 1);
        wait_for_workers(pool);
    }
}

int lic_pool_resolve_threads(int requested)
{
    if (requested > 0)
        return requested < LIC_MAX_THREADS ? requested : LIC_MAX_THREADS;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
#if defined(__linux__)
    cpu_set_t set;
    if (!sched_getaffinity(0, sizeof set, &set))
        cores = CPU_COUNT(&set);
#endif
    if (cores < 1)
        return 1;
    return cores < LIC_MAX_THREADS ? (int)cores : LIC_MAX_THREADS;
}
