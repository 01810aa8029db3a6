/* budget.c - see budget.h. */
#include "cli/batch/budget.h"

void lic_budget_init(lic_budget *budget, int threads, uint64_t max_bytes)
{
    *budget = (lic_budget){.threads = threads, .free_threads = threads, .max_bytes = max_bytes};
    pthread_mutex_init(&budget->lock, NULL);
    pthread_cond_init(&budget->changed, NULL);
}

void lic_budget_destroy(lic_budget *budget)
{
    pthread_cond_destroy(&budget->changed);
    pthread_mutex_destroy(&budget->lock);
}

/* others: what all but the caller hold. */
static bool fits(const lic_budget *budget, int threads, uint64_t bytes, uint64_t others)
{
    if (budget->free_threads < threads)
        return false;
    return others == 0 || (bytes <= budget->max_bytes && others <= budget->max_bytes - bytes);
}

void lic_budget_take(lic_budget *budget, int threads, uint64_t bytes, uint64_t *held,
                    void (*drop)(void *user), void *user)
{
    pthread_mutex_lock(&budget->lock);
    const uint64_t ticket = budget->next_ticket++;
    uint64_t want = bytes > *held ? bytes : *held;
    while (ticket != budget->serving || !fits(budget, threads, want, budget->used_bytes - *held)) {
        if (*held) {
            drop(user);
            budget->used_bytes -= *held;
            *held = 0;
            want = bytes;
            pthread_cond_broadcast(&budget->changed);
            continue;
        }
        pthread_cond_wait(&budget->changed, &budget->lock);
    }
    budget->free_threads -= threads;
    budget->used_bytes += want - *held;
    *held = want;
    budget->serving++;
    pthread_cond_broadcast(&budget->changed);
    pthread_mutex_unlock(&budget->lock);
}

void lic_budget_return(lic_budget *budget, int threads)
{
    pthread_mutex_lock(&budget->lock);
    budget->free_threads += threads;
    pthread_cond_broadcast(&budget->changed);
    pthread_mutex_unlock(&budget->lock);
}

bool lic_budget_is_crowded(lic_budget *budget)
{
    pthread_mutex_lock(&budget->lock);
    const bool crowded = budget->serving != budget->next_ticket;
    pthread_mutex_unlock(&budget->lock);
    return crowded;
}

void lic_budget_keep(lic_budget *budget, uint64_t bytes, uint64_t *held)
{
    pthread_mutex_lock(&budget->lock);
    budget->used_bytes -= *held - bytes;
    *held = bytes;
    pthread_cond_broadcast(&budget->changed);
    pthread_mutex_unlock(&budget->lock);
}
