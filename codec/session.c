/* session.c - see session.h: options checked, memory planned before any work, stages timed. */
#include "codec/session.h"

#include "codec/base/bytes.h"
#include "codec/base/cpu.h"
#include "codec/base/status.h"
#include "codec/container.h"
#include "models/nn_openblas.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

const char *lic_version(void)
{
    return LIC_VERSION;
}

int lic_backend_supported(lic_backend backend)
{
    return backend == LIC_BACKEND_STRICT ||
           (backend == LIC_BACKEND_OPENBLAS && lic_openblas_available());
}

int lic_thread_count(int requested)
{
    return lic_pool_resolve_threads(requested);
}

void lic_options_init(lic_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_bytes = sizeof *options;
    options->max_pixels = (uint64_t)1 << 28;
}

bool lic_context_options_foreign(const lic_options *options, lic_error *err)
{
    if (!options || options->struct_bytes == sizeof *options)
        return false;
    lic_fail(err, LIC_ERR_ARGUMENT, "lic_options is not from lic_options_init");
    return true;
}

static lic_status check_options(const lic_context *context, lic_error *err)
{
    const lic_options *o = &context->options;
    if (o->threads < 0 || o->threads > LIC_MAX_THREADS)
        return lic_fail(err, LIC_ERR_ARGUMENT, "options out of range (threads 0..%d)",
                        LIC_MAX_THREADS);
    if (!context->kernels)
        return lic_fail(err, LIC_ERR_UNSUPPORTED, "this build or machine has no %s kernels",
                        lic_cpu_name(o->cpu));
    if (!lic_backend_supported(o->backend))
        return lic_fail(err, LIC_ERR_UNSUPPORTED, "this build or machine has no OpenBLAS");
    if (o->backend == LIC_BACKEND_OPENBLAS && context->model->backend != LIC_BACKEND_OPENBLAS)
        return lic_fail(err, LIC_ERR_ARGUMENT, "the model was not opened for the OpenBLAS backend");
    return LIC_OK;
}

lic_status lic_context_init(lic_context *context, const lic_model *model,
                            const lic_options *options, lic_error *err)
{
    memset(context, 0, sizeof *context);
    if (!model)
        return lic_fail(err, LIC_ERR_ARGUMENT, "no model given");
    context->model = model;
    lic_options_init(&context->options);
    if (options)
        context->options = *options;
    context->kernels = lic_kernels_get(context->options.cpu);
    lic_status status = check_options(context, err);
    if (status)
        return status;
    context->pool = lic_pool_new(lic_pool_resolve_threads(context->options.threads),
                                 context->options.allocator);
    if (!context->pool)
        return lic_fail(err, LIC_ERR_MEMORY, "not enough memory to start %d threads",
                        lic_pool_resolve_threads(context->options.threads));
    return LIC_OK;
}

void lic_context_release(lic_context *context)
{
    lic_pool_free(context->pool);
    lic_arena_release(&context->arena);
}

/* Runs `forward` on a counting arena. False if the sizes overflow. */
static bool plan(lic_context *context, lic_forward_fn forward, void *user, int threads,
                 size_t *floats, size_t *bytes)
{
    lic_arena arena;
    lic_arena_plan(&arena);
    nn c = {.k = context->kernels, .gemm = context->kernels->gemm, .arena = &arena};
    forward(context, &c, user);
    size_t scratch;
    *floats = c.scratch_floats;
    return !arena.failed &&
           lic_mul_size(c.scratch_floats, (size_t)threads * sizeof(float), &scratch) &&
           lic_add_size(scratch, LIC_ALIGN, &scratch) && lic_add_size(arena.peak, scratch, bytes);
}

uint64_t lic_context_plan(const lic_model *model, lic_forward_fn forward, void *user, int threads)
{
    size_t floats, bytes;
    lic_context context = {.model = model, .kernels = lic_kernels_get(LIC_CPU_AUTO)};
    return plan(&context, forward, user, lic_pool_resolve_threads(threads), &floats, &bytes) ? bytes
                                                                                             : 0;
}

/* What max_memory says, or three quarters of what the machine has: better an error than swapping.
 */
static uint64_t memory_limit(const lic_options *options)
{
    if (options->max_memory)
        return options->max_memory;
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    return pages > 0 && page > 0 ? (uint64_t)pages / 4 * 3 * (uint64_t)page : UINT64_MAX;
}

lic_status lic_context_admit(const lic_context *context, uint32_t width, uint32_t height,
                             lic_error *err)
{
    const lic_options *options = &context->options;
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

/* Of the work on a tile, on either side: the codec's coding is a quarter, a transform the rest. */
double lic_stage_share(lic_stage stage)
{
    return stage == LIC_STAGE_CODING ? 0.25 : 0.75;
}

static int forward_progress(void *user, double fraction)
{
    lic_context *context = user;
    const double done = context->done + lic_stage_share(context->stage) * fraction;
    const double part = context->work > done ? done / context->work : 1.0;
    context->told = part > context->told ? part : context->told;
    return context->options.progress(context->options.progress_user, context->stage, context->told);
}

double lic_context_stage(lic_context *context, nn *c, lic_stage stage)
{
    struct timespec t;
    const bool strict = stage == LIC_STAGE_CODING || context->options.backend == LIC_BACKEND_STRICT;
    c->gemm = strict ? context->kernels->gemm : lic_openblas_gemm;
    context->stage = stage;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void lic_context_stage_end(lic_context *context, double start)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    context->stats.seconds[context->stage] += (double)t.tv_sec + 1e-9 * (double)t.tv_nsec - start;
    context->done += lic_stage_share(context->stage);
}

/* Refuses what takes more than max_memory: `bytes` of working memory, and the result. */
static lic_status check_memory(const lic_context *context, size_t bytes, uint32_t width,
                               uint32_t height, lic_error *err)
{
    const uint64_t limit = memory_limit(&context->options);
    if (bytes <= limit && context->result_bytes <= limit - bytes)
        return LIC_OK;
    return lic_fail(err, LIC_ERR_LIMIT,
                    "%u x %u pixels need %llu MB of memory, the limit is %llu MB", (unsigned)width,
                    (unsigned)height,
                    (unsigned long long)(bytes / 1000000 + context->result_bytes / 1000000),
                    (unsigned long long)(limit / 1000000));
}

/* Memory is there: the same forward again, with kernels. */
static lic_status run(lic_context *context, lic_forward_fn forward, void *user,
                      size_t scratch_floats, lic_error *err)
{
    const size_t threads = (size_t)lic_pool_threads(context->pool);
    nn c = {.k = context->kernels,
            .gemm = context->kernels->gemm,
            .arena = &context->arena,
            .pool = context->pool,
            .scratch_floats = scratch_floats,
            .zeros = context->model->net.zeros,
            .progress = context->options.progress ? forward_progress : NULL,
            .progress_user = context};
    c.scratch = lic_arena_take(&context->arena, scratch_floats * threads, sizeof(float));
    const uint64_t saved = lic_fp_enter();
    forward(context, &c, user);
    lic_fp_leave(saved);
    context->stats.multiply_adds = c.macs;
    if (c.cancelled)
        return lic_fail(err, LIC_ERR_CANCELLED, "cancelled");
    if (context->arena.failed)
        return lic_fail(err, LIC_ERR_MEMORY, "working memory ran out: a fault in the plan");
    return LIC_OK;
}

lic_status lic_context_run(lic_context *context, lic_forward_fn forward, void *user, uint32_t width,
                           uint32_t height, lic_error *err)
{
    size_t floats, bytes;
    memset(&context->stats, 0, sizeof context->stats);
    context->result_bytes = 0;
    if (!plan(context, forward, user, lic_pool_threads(context->pool), &floats, &bytes))
        return lic_fail(err, LIC_ERR_LIMIT, "%u x %u pixels need more memory than can be counted",
                        (unsigned)width, (unsigned)height);
    if (check_memory(context, bytes, width, height, err))
        return LIC_ERR_LIMIT;
    if (!lic_arena_reserve(&context->arena, bytes, context->options.allocator))
        return lic_fail(err, LIC_ERR_MEMORY, "not enough memory: %zu MB are needed",
                        bytes / 1000000);
    memset(&context->stats, 0, sizeof context->stats);
    context->stats.planned_bytes = bytes;
    context->done = context->told = 0.0;
    return run(context, forward, user, floats, err);
}

float lic_level(const lic_model *model, uint32_t quality_code)
{
    const float step = (float)(model->net.levels - 1) / (float)LIC_QUALITY_CODES;
    return (float)quality_code * step;
}
