/* session.h - what encoder and decoder share: options, threads, working memory, progress. */
#ifndef LIC_CODEC_SESSION_H
#define LIC_CODEC_SESSION_H

#include "codec/model.h"
#include "models/nn.h"

struct lic_session {
    const lic_model *model;
    lic_options options;
    const lic_kernels *kernels;
    lic_pool *pool;
    int threads; /* that a forward pass runs or is planned with */
    lic_arena arena;
    size_t result_bytes; /* that a forward pass allocates for the caller's picture */
    lic_stats stats;
    lic_stage stage;    /* for the progress callback */
    double work;        /* of this call, in shares of tiles: lic_stage_share */
    double done;        /* of that work */
    double told;        /* the last fraction reported, which never falls */
    uint64_t caller_fp; /* the caller's floating-point environment, while ours holds */
};

/* A forward pass over the arena of c: run once to plan, once for real. When planning, it reports in
 * result_bytes what it allocates outside the arena. */
typedef void (*lic_forward_fn)(lic_session *session, nn *c, void *user);

/* Refuses sizes out of range or above max_pixels. */
lic_status lic_session_admit(const lic_session *session, uint32_t width, uint32_t height,
                             lic_error *err);
/* Plans `forward`, checks the limits, reserves the memory and runs it. Sets stats.planned_bytes. */
lic_status lic_session_run(lic_session *session, lic_forward_fn forward, void *user, uint32_t width,
                           uint32_t height, lic_error *err);

/* ---- plan.c ---- */

/* What a call will take. */
typedef struct lic_plan {
    size_t floats, records; /* scratch of a thread, and what of it is for rounded positions */
    size_t bytes;           /* all working memory */
    uint64_t work;          /* multiply-adds */
} lic_plan;

/* Plans `forward` for the session, with its threads. LIC_ERR_LIMIT: it would take more than the
 * limits, or more than can be counted. */
lic_status lic_plan_call(lic_session *session, lic_forward_fn forward, void *user, uint32_t width,
                         uint32_t height, lic_plan *plan, lic_error *err);
/* Bytes that `forward` needs with this many threads; 0 if they cannot be counted. */
uint64_t lic_session_plan(const lic_model *model, lic_forward_fn forward, void *user, int threads);

/* The same for the encoder's forward pass (encoder.c), for lic_plan_bytes to compare with. */
uint64_t lic_plan_encoder(const lic_model *model, uint32_t width, uint32_t height,
                          uint32_t tile_side, size_t row_bytes, int threads);

/* Put around each call of the caller's code within a forward pass. That code runs in the caller's
 * floating-point environment and may change it, but not ours. */
void lic_session_call_begin(lic_session *session);
void lic_session_call_end(lic_session *session);

/* Begins a stage: sets backend and progress for its networks. Returns seconds on a clock. */
double lic_session_stage(lic_session *session, nn *c, lic_stage stage);
/* The share of a stage in the work on a tile. */
double lic_stage_share(lic_stage stage);
/* Adds the time since `start` to the stage, and the stage's share of a tile to the work done. */
void lic_session_stage_end(lic_session *session, double start);

/* The rate level of a quality code, in [0, levels - 1]. */
float lic_level(const lic_model *model, uint32_t quality_code);

#endif
