/* pool.c - see pool.h. Each thread begins with a share of its own, one item after the other, and
 * then helps with the shares of others, so uneven items balance by themselves. As layers of one
 * size are cut alike, a thread reads mostly what it wrote: that is still in its own cache. Layers
 * follow each other within microseconds: workers watch for the next call that long before they
 * sleep on a condition variable. */
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

/* The caller is the first; it has no thread of its own here. */
struct worker {
    lic_pool *pool;
    pthread_t thread;
    int index;
    atomic_size_t next; /* item of its share */
    size_t end;
    char apart[64]; /* so that no two counters share a cache line */
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
    struct worker workers[]; /* [threads] */
};

static void work(lic_pool *pool, int index)
{
    for (int i = 0; i < pool->threads; i++) {
        struct worker *owner = &pool->workers[(index + i) % pool->threads];
        size_t item;
        while ((item = atomic_fetch_add(&owner->next, 1)) < owner->end)
            pool->fn(pool->user, item, index);
    }
}

/* Cuts n items into equal shares. */
static void deal(lic_pool *pool, size_t n)
{
    const size_t threads = (size_t)pool->threads, each = n / threads, more = n % threads;
    size_t first = 0;
    for (size_t i = 0; i < threads; i++) {
        atomic_store(&pool->workers[i].next, first);
        first += each + (i < more);
        pool->workers[i].end = first;
    }
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
    lic_pool *pool =
        lic_alloc(allocator, sizeof *pool + (size_t)threads * sizeof pool->workers[0]);
    if (!pool)
        return NULL;
    memset(pool, 0, sizeof *pool);
    pool->allocator = allocator;
    pool->threads = 1;
    atomic_init(&pool->call, 0);
    atomic_init(&pool->active, 0);
    atomic_init(&pool->sleeping, 0);
    atomic_init(&pool->waiting, false);
    atomic_init(&pool->stop, false);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->start, NULL);
    pthread_cond_init(&pool->done, NULL);
    for (int i = 0; i < threads; i++) {
        struct worker *w = &pool->workers[i];
        *w = (struct worker){.pool = pool, .index = i};
        atomic_init(&w->next, 0);
    }
    for (int i = 1; i < threads; i++) {
        struct worker *w = &pool->workers[i];
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
        pthread_join(pool->workers[i].thread, NULL);
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
    /* An exchange comes before the load that follows in emulators too, where a store may not. */
    (void)atomic_exchange(&pool->waiting, true);
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
    deal(pool, n);
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
