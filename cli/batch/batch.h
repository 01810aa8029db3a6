/* batch.h - works through the inputs of encode or decode, one after another or several at a time.
 * Small pictures go to workers with few threads each, large ones get more; this does not change a
 * byte of any output. A failure does not stop the rest. All share one limit of memory, and
 * each model is opened once. */
#ifndef LIC_CLI_BATCH_BATCH_H
#define LIC_CLI_BATCH_BATCH_H

#include "cli/batch/conversion.h"
#include "cli/batch/inputs.h"

typedef struct lic_batch lic_batch;

/* A thread that works on one input at a time, with what it keeps between inputs. */
typedef struct lic_worker {
    lic_batch *batch;
    lic_session *encoder;
    lic_session *decoder;
    const lic_model *model; /* theirs */
    int threads;            /* theirs */
    int taken_threads;      /* from the batch, for the input at hand */
    uint64_t held_bytes;    /* of the batch's memory */
    uint64_t context_bytes; /* of these, by encoder or decoder */
} lic_worker;

/* Converts one input, writing its output; a failure's text is in c->err. */
typedef lic_status (*lic_batch_fn)(lic_worker *worker, lic_conversion *c);

/* Prints all messages and returns the exit code. */
int lic_batch_run(const lic_settings *settings, const lic_inputs *inputs, lic_batch_fn work);

/* ---- for the work ---- */

/* The model with this id (0: the one for encoding), opened at its first use. The batch owns it. */
lic_status lic_worker_model(lic_worker *worker, lic_conversion *c, uint32_t id,
                            const lic_model **model);

enum { LIC_USE_ENCODER = 1, LIC_USE_DECODER = 2 };

/* What a conversion takes. */
typedef struct lic_need {
    unsigned use;
    const lic_info *stream; /* to decode; NULL: a picture of this size is encoded */
    uint32_t width, height, tile_side;
    size_t row_bytes;     /* this and tile_side as for lic_plan_bytes */
    uint64_t extra_bytes; /* besides what the library takes */
} lic_need;

/* Waits for threads and memory, then sets the worker up. Must be followed by lic_worker_leave after
 * the last use, even if it fails. That frees the threads for others; the memory is freed once the
 * input is done. */
lic_status lic_worker_enter(lic_worker *worker, lic_conversion *c, const lic_model *model,
                            const lic_need *need);
void lic_worker_leave(lic_worker *worker);

#endif
