/* budget.h - the threads and the memory that a batch may use, handed out. First come, first served,
 * so that small pictures do not keep a large one waiting for ever. */
#ifndef LIC_CLI_BATCH_BUDGET_H
#define LIC_CLI_BATCH_BUDGET_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct lic_budget {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t next_ticket, serving;
    int threads, free_threads;
    uint64_t max_bytes, used_bytes;
} lic_budget;

void lic_budget_init(lic_budget *budget, int threads, uint64_t max_bytes);
void lic_budget_destroy(lic_budget *budget);

/* Takes the threads and raises what the caller holds from *held to `bytes`. Before it waits it
 * calls drop, which gives up what is kept for later; *held is then 0. Only a caller that is alone
 * gets memory beyond the limit. */
void lic_budget_take(lic_budget *budget, int threads, uint64_t bytes, uint64_t *held,
                    void (*drop)(void *user), void *user);
void lic_budget_return(lic_budget *budget, int threads);
/* Whether somebody is waiting. If so, it is better to drop what is kept for later. */
bool lic_budget_is_crowded(lic_budget *budget);
/* Lowers what the caller holds to `bytes`. */
void lic_budget_keep(lic_budget *budget, uint64_t bytes, uint64_t *held);

#endif
