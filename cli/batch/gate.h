/* gate.h - hands out the threads and the memory that a batch may use. First come, first served, so
 * that small pictures do not keep a large one waiting for ever. */
#ifndef LIC_CLI_BATCH_GATE_H
#define LIC_CLI_BATCH_GATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct lic_gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t next_ticket, serving;
    int threads, free_threads;
    uint64_t max_bytes, used_bytes;
} lic_gate;

void lic_gate_init(lic_gate *gate, int threads, uint64_t max_bytes);
void lic_gate_destroy(lic_gate *gate);

/* Takes the threads and raises what the caller holds from *held to `bytes`. Before it waits it
 * calls drop, which gives up what is kept for later; *held is then 0. Only a caller that is alone
 * gets memory beyond the limit. */
void lic_gate_enter(lic_gate *gate, int threads, uint64_t bytes, uint64_t *held,
                    void (*drop)(void *user), void *user);
void lic_gate_leave(lic_gate *gate, int threads);
/* Whether somebody is waiting. If so, it is better to drop what is kept for later. */
bool lic_gate_is_crowded(lic_gate *gate);
/* Lowers what the caller holds to `bytes`. */
void lic_gate_keep(lic_gate *gate, uint64_t bytes, uint64_t *held);

#endif
