/* gate.c - see gate.h. */
#include "cli/batch/gate.h"

void lic_gate_init(lic_gate *gate, int threads, uint64_t max_bytes)
{
    *gate = (lic_gate){.threads = threads, .free_threads = threads, .max_bytes = max_bytes};
    pthread_mutex_init(&gate->lock, NULL);
    pthread_cond_init(&gate->changed, NULL);
}

void lic_gate_destroy(lic_gate *gate)
{
    pthread_cond_destroy(&gate->changed);
    pthread_mutex_destroy(&gate->lock);
}

/* others: what all but the caller hold. */
static bool fits(const lic_gate *gate, int threads, uint64_t bytes, uint64_t others)
{
    if (gate->free_threads < threads)
        return false;
    return others == 0 || (bytes <= gate->max_bytes && others <= gate->max_bytes - bytes);
}

void lic_gate_enter(lic_gate *gate, int threads, uint64_t bytes, uint64_t *held,
                    void (*drop)(void *user), void *user)
{
    pthread_mutex_lock(&gate->lock);
    const uint64_t ticket = gate->next_ticket++;
    uint64_t want = bytes > *held ? bytes : *held;
    while (ticket != gate->serving || !fits(gate, threads, want, gate->used_bytes - *held)) {
        if (*held) {
            drop(user);
            gate->used_bytes -= *held;
            *held = 0;
            want = bytes;
            pthread_cond_broadcast(&gate->changed);
            continue;
        }
        pthread_cond_wait(&gate->changed, &gate->lock);
    }
    gate->free_threads -= threads;
    gate->used_bytes += want - *held;
    *held = want;
    gate->serving++;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

void lic_gate_leave(lic_gate *gate, int threads)
{
    pthread_mutex_lock(&gate->lock);
    gate->free_threads += threads;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

bool lic_gate_is_crowded(lic_gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    const bool crowded = gate->serving != gate->next_ticket;
    pthread_mutex_unlock(&gate->lock);
    return crowded;
}

void lic_gate_keep(lic_gate *gate, uint64_t bytes, uint64_t *held)
{
    pthread_mutex_lock(&gate->lock);
    gate->used_bytes -= *held - bytes;
    *held = bytes;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}
