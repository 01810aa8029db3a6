/* pool.c - see pool.h. Workers sleep on a condition variable between calls; items are handed out by
 * an atomic counter, so uneven items balance by themselves. */
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
    unsigned long generation; /* of the call the workers should join */
    int busy;                 /* workers still in the current call */
    bool stop;
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

static void *worker_main(void *argument)
{
    struct worker *self = argument;
    lic_pool *pool = self->pool;
    unsigned long seen = 0;
    (void)lic_fp_enter(); /* the thread is ours: nothing to restore */
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (!pool->stop && pool->generation == seen)
            pthread_cond_wait(&pool->start, &pool->lock);
        if (pool->stop)
            break;
        seen = pool->generation;
        pthread_mutex_unlock(&pool->lock);
        work(pool, self->index);
        pthread_mutex_lock(&pool->lock);
        if (--pool->busy == 0)
            pthread_cond_signal(&pool->done);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
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
    pool->stop = true;
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

void lic_pool_run(lic_pool *pool, size_t n, lic_pool_fn fn, void *user)
{
    pool->fn = fn;
    pool->user = user;
    pool->n = n;
    atomic_store(&pool->next, 0);
    if (pool->threads > 1 && n > 1) {
        pthread_mutex_lock(&pool->lock);
        pool->busy = pool->threads - 1;
        pool->generation++;
        pthread_cond_broadcast(&pool->start);
        pthread_mutex_unlock(&pool->lock);
        work(pool, 0);
        pthread_mutex_lock(&pool->lock);
        while (pool->busy)
            pthread_cond_wait(&pool->done, &pool->lock);
        pthread_mutex_unlock(&pool->lock);
    } else {
        work(pool, 0);
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
