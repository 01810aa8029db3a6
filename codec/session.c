/* session.c - see session.h: checks options, runs forward passes, times stages. */
#include "codec/session.h"

#include "codec/base/cpu.h"
#include "codec/base/status.h"
#include "codec/container.h"
#include "codec/options.h"
#include "models/nn_openblas.h"

#include <string.h>
#include <time.h>

const char *lic_version(void)
{
    return LIC_VERSION;
}

int lic_backend_supported(lic_backend backend)
{
    switch (backend) {
    case LIC_BACKEND_STRICT:
        return 1;
    case LIC_BACKEND_OPENBLAS:
        return lic_openblas_available();
    case LIC_BACKEND_ROUNDED:
        return lic_kernels_rounded() != NULL;
    }
    return 0;
}

int lic_thread_count(int requested)
{
    return lic_pool_resolve_threads(requested);
}

static lic_status check_options(const lic_session *session, lic_error *err)
{
    const lic_options *o = &session->options;
    if (o->threads < 0 || o->threads > LIC_MAX_THREADS)
        return lic_fail(err, LIC_ERR_ARGUMENT, "options out of range (threads 0..%d)",
                        LIC_MAX_THREADS);
    if (!session->kernels)
        return lic_fail(err, LIC_ERR_UNSUPPORTED, "this build or machine has no %s kernels",
                        lic_cpu_name(o->cpu));
    if (!lic_backend_supported(o->backend))
        return lic_fail(err, LIC_ERR_UNSUPPORTED, "this build or machine has no such backend");
    if (o->backend == LIC_BACKEND_OPENBLAS && session->model &&
        session->model->backend != LIC_BACKEND_OPENBLAS)
        return lic_fail(err, LIC_ERR_ARGUMENT, "the model was not opened for the OpenBLAS backend");
    return LIC_OK;
}

static lic_status check_arithmetic(const lic_session *session, lic_error *err)
{
    const uint64_t saved = lic_fp_enter();
    const bool right = lic_kernels_check(session->kernels);
    lic_fp_leave(saved);
    return right ? LIC_OK
                 : lic_fail(err, LIC_ERR_UNSUPPORTED,
                            "this build or machine does not compute as lic must (%s kernels): its "
                            "files would not be read elsewhere",
                            lic_cpu_name(session->kernels->cpu));
}

/* Sets up a session that is zero except for its options. Call lic_session_free whether it succeeds
 * or not. */
static lic_status set_up(lic_session *session, const lic_model *model, lic_error *err)
{
    const lic_options *o = &session->options;
    session->model = model;
    session->kernels = lic_kernels_get(o->cpu);
    lic_status status = check_options(session, err);
    if (!status)
        status = check_arithmetic(session, err);
    if (status)
        return status;
    const int threads = lic_pool_resolve_threads(o->threads);
    session->pool = lic_pool_new(threads, o->allocator);
    if (!session->pool)
        return lic_fail(err, LIC_ERR_MEMORY, "not enough memory to start %d threads", threads);
    return LIC_OK;
}

lic_status lic_session_new(const lic_model *model, const lic_options *options, lic_session **out,
                           lic_error *err)
{
    lic_options own;
    if (!out)
        return lic_fail(err, LIC_ERR_ARGUMENT, "lic_session_new: bad argument");
    *out = NULL;
    lic_status status = lic_options_take(options, &own, err);
    if (status)
        return status;
    lic_session *session = lic_alloc(own.allocator, sizeof *session);
    if (!session)
        return lic_fail(err, LIC_ERR_MEMORY, "not enough memory for a session");
    *session = (lic_session){.options = own};
    status = set_up(session, model, err);
    if (status)
        lic_session_free(session);
    else
        *out = session;
    return status;
}

void lic_session_free(lic_session *session)
{
    if (!session)
        return;
    lic_pool_free(session->pool);
    lic_arena_release(&session->arena);
    lic_dealloc(session->options.allocator, session);
}

void lic_session_get_stats_sized(const lic_session *session, lic_stats *stats, size_t struct_bytes)
{
    lic_struct_give(&session->stats, sizeof session->stats, stats, struct_bytes);
}

lic_status lic_session_admit(const lic_session *session, uint32_t width, uint32_t height,
                             lic_error *err)
{
    const lic_options *options = &session->options;
    const uint64_t pixels = (uint64_t)width * height;
    if (width < 1 || height < 1 || width > 65535 || height > 65535)
        return lic_fail(err, LIC_ERR_ARGUMENT,
                        "pictures are 1 to 65535 pixels wide and high, this is %u x %u",
                        (unsigned)width, (unsigned)height);
    if (pixels > options->max_pixels)
        return lic_fail(err, LIC_ERR_LIMIT, "%u x %u pixels are more than the limit of %llu",
                        (unsigned)width, (unsigned)height, (unsigned long long)options->max_pixels);
    return LIC_OK;
}

/* On both sides, coding is a quarter of the work on a tile and the transform the rest. */
double lic_stage_share(lic_stage stage)
{
    return stage == LIC_STAGE_CODING ? 0.25 : 0.75;
}

void lic_session_call_begin(lic_session *session)
{
    lic_fp_leave(session->caller_fp);
}

void lic_session_call_end(lic_session *session)
{
    session->caller_fp = lic_fp_enter();
}

static int forward_progress(void *user, double fraction)
{
    lic_session *session = user;
    const double done = session->done + lic_stage_share(session->stage) * fraction;
    const double part = session->work > done ? done / session->work : 1.0;
    session->told = part > session->told ? part : session->told;
    lic_session_call_begin(session);
    const int stop =
        session->options.progress(session->options.progress_user, session->stage, session->told);
    lic_session_call_end(session);
    return stop;
}

double lic_session_stage(lic_session *session, nn *c, lic_stage stage)
{
    struct timespec t;
    const lic_backend backend =
        stage == LIC_STAGE_CODING ? LIC_BACKEND_STRICT : session->options.backend;
    c->k = backend == LIC_BACKEND_ROUNDED ? lic_kernels_rounded() : session->kernels;
    c->gemm = backend == LIC_BACKEND_OPENBLAS ? lic_openblas_gemm : c->k->gemm;
    session->stage = stage;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void lic_session_stage_end(lic_session *session, double start)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    session->stats.seconds[session->stage] += (double)t.tv_sec + 1e-9 * (double)t.tv_nsec - start;
    session->done += lic_stage_share(session->stage);
}

/* With the memory in place, runs the same forward again, with kernels. */
static lic_status run(lic_session *session, lic_forward_fn forward, void *user, const lic_plan *p,
                      lic_error *err)
{
    const size_t threads = (size_t)lic_pool_threads(session->pool);
    nn c = {.k = session->kernels,
            .gemm = session->kernels->gemm,
            .arena = &session->arena,
            .pool = session->pool,
            .scratch_floats = p->floats,
            .record_floats = p->records,
            .zeros = session->model ? session->model->net.zeros : NULL,
            .progress = session->options.progress ? forward_progress : NULL,
            .progress_user = session};
    c.scratch = lic_arena_take(&session->arena, (p->floats + p->records) * threads, sizeof(float));
    session->caller_fp = lic_fp_enter();
    lic_nn_part(&c, LIC_PART_OTHER);
    forward(session, &c, user);
    lic_nn_part(&c, LIC_PART_OTHER);
    lic_fp_leave(session->caller_fp);
    session->stats.multiply_adds = c.macs;
    memcpy(session->stats.part_seconds, c.clock.seconds, sizeof c.clock.seconds);
    memcpy(session->stats.part_multiply_adds, c.clock.macs, sizeof c.clock.macs);
    if (c.cancelled)
        return lic_fail(err, LIC_ERR_CANCELLED, "cancelled");
    if (session->arena.failed)
        return lic_fail(err, LIC_ERR_MEMORY, "working memory ran out: a fault in the plan");
    return LIC_OK;
}

lic_status lic_session_run(lic_session *session, lic_forward_fn forward, void *user, uint32_t width,
                           uint32_t height, lic_error *err)
{
    lic_plan p;
    memset(&session->stats, 0, sizeof session->stats);
    const lic_status status = lic_plan_call(session, forward, user, width, height, &p, err);
    if (status)
        return status;
    if (!lic_arena_reserve(&session->arena, p.bytes, session->options.allocator))
        return lic_fail(err, LIC_ERR_MEMORY, "not enough memory: %zu MB are needed",
                        p.bytes / 1000000);
    memset(&session->stats, 0, sizeof session->stats);
    session->stats.planned_bytes = p.bytes;
    session->done = session->told = 0.0;
    return run(session, forward, user, &p, err);
}

float lic_level(const lic_model *model, uint32_t quality_code)
{
    const float step = (float)(model->net.levels - 1) / (float)LIC_QUALITY_CODES;
    return (float)quality_code * step;
}
