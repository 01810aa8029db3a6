/* pool.h - a small thread pool. One call at a time spreads n independent items over the workers;
 * the caller is worker 0. How work is cut into items must not depend on the number of workers, so
 * that results do not either. Workers run with the strict floating-point environment (cpu.h). */
#ifndef LIC_BASE_POOL_H
#define LIC_BASE_POOL_H

#include "codec/lic.h"

#define LIC_MAX_THREADS 256

typedef struct lic_pool lic_pool;
typedef void (*lic_pool_fn)(void *user, size_t item, int worker);

/* threads >= 1, the caller included; NULL if there is no memory or no thread to be had. */
lic_pool *lic_pool_new(int threads, const lic_allocator *allocator);
void lic_pool_free(lic_pool *pool);
int lic_pool_threads(const lic_pool *pool);
/* Runs fn(user, 0 .. n-1, worker), in any order, and returns when all are done. Items
 * that are near each other are mostly run by the same worker. */
void lic_pool_run(lic_pool *pool, size_t n, lic_pool_fn fn, void *user);

/* The number of threads that `requested` means (0: all cores that this process may use). */
int lic_pool_resolve_threads(int requested);

#endif
