/* gate.h - hands out the threads and the memory that a batch may use at a time. Who comes first is
 * served first, so that small pictures do not keep a large one waiting for ever. */
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

/* Takes the threads and raises what the caller holds from *held to `bytes`. Before it waits, it
 * calls drop, which gives up what is kept for later: *held is 0 then. Memory beyond the limit is
 * given only to one who is alone. */
void lic_gate_enter(lic_gate *gate, int threads, uint64_t bytes, uint64_t *held,
                    void (*drop)(void *user), void *user);
void lic_gate_leave(lic_gate *gate, int threads);
/* Is somebody waiting? Then what is kept for later is better dropped. */
bool lic_gate_is_crowded(lic_gate *gate);
/* Lowers what the caller holds to `bytes`. */
void lic_gate_keep(lic_gate *gate, uint64_t bytes, uint64_t *held);

#endif
