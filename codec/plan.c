/* plan.c - what a call will take, found by its own forward pass on an arena that only counts, and
 * held against the limits before any work; and the same for callers who ask beforehand. */
#include "codec/base/bytes.h"
#include "codec/base/memory.h"
#include "codec/base/status.h"
#include "codec/container.h"
#include "codec/decode_tiles.h"
#include "codec/lossless_tiles.h"
#include "codec/session.h"

/* Runs `forward` on a counting arena. False if the sizes overflow. */
static bool plan(lic_session *session, lic_forward_fn forward, void *user, int threads, lic_plan *p)
{
    lic_arena arena;
    lic_arena_plan(&arena);
    nn c = {.k = session->kernels, .gemm = session->kernels->gemm, .arena = &arena};
    session->threads = threads;
    forward(session, &c, user);
    size_t scratch;
    p->floats = c.scratch_floats;
    p->records = c.record_floats;
    p->work = c.macs;
    return !arena.failed && lic_add_size(c.scratch_floats, c.record_floats, &scratch) &&
           lic_mul_size(scratch, (size_t)threads * sizeof(float), &scratch) &&
           lic_add_size(scratch, LIC_ALIGN, &scratch) &&
           lic_add_size(arena.peak, scratch, &p->bytes);
}

/* ---- limits ---- */

/* An error is better than swapping or being killed. */
uint64_t lic_memory_limit(void)
{
    return lic_memory_of_process("") / 4 * 3;
}

static uint64_t memory_limit(const lic_options *options)
{
    return options->max_memory ? options->max_memory : lic_memory_limit();
}

/* Refuses what takes more than max_memory: `bytes` of working memory, and the result. */
static lic_status check_memory(const lic_session *session, size_t bytes, uint32_t width,
                               uint32_t height, lic_error *err)
{
    const uint64_t limit = memory_limit(&session->options);
    if (bytes <= limit && session->result_bytes <= limit - bytes)
        return LIC_OK;
    return lic_fail(err, LIC_ERR_LIMIT,
                    "%u x %u pixels need %llu MB of memory, the limit is %llu MB", (unsigned)width,
                    (unsigned)height,
                    (unsigned long long)(bytes / 1000000 + session->result_bytes / 1000000),
                    (unsigned long long)(limit / 1000000));
}

/* Refuses what takes more than max_work. */
static lic_status check_work(const lic_session *session, uint64_t work, uint32_t width,
                             uint32_t height, lic_error *err)
{
    const uint64_t limit = session->options.max_work;
    if (!limit || work <= limit)
        return LIC_OK;
    return lic_fail(err, LIC_ERR_LIMIT,
                    "%u x %u pixels in these tiles need %llu G multiply-adds, the limit is %llu G",
                    (unsigned)width, (unsigned)height, (unsigned long long)(work / 1000000000),
                    (unsigned long long)(limit / 1000000000));
}

lic_status lic_plan_call(lic_session *session, lic_forward_fn forward, void *user, uint32_t width,
                         uint32_t height, lic_plan *p, lic_error *err)
{
    session->result_bytes = 0;
    if (!plan(session, forward, user, lic_pool_threads(session->pool), p))
        return lic_fail(err, LIC_ERR_LIMIT, "%u x %u pixels need more memory than can be counted",
                        (unsigned)width, (unsigned)height);
    if (check_memory(session, p->bytes, width, height, err) ||
        check_work(session, p->work, width, height, err))
        return LIC_ERR_LIMIT;
    return LIC_OK;
}

/* ---- beforehand ---- */

uint64_t lic_session_plan(const lic_model *model, lic_forward_fn forward, void *user, int threads)
{
    lic_plan p;
    lic_session session = {.model = model, .kernels = lic_kernels_get(LIC_CPU_AUTO)};
    return plan(&session, forward, user, lic_pool_resolve_threads(threads), &p) ? p.bytes : 0;
}

static bool in_range(uint32_t width, uint32_t height)
{
    return width >= 1 && height >= 1 && width <= 65535 && height <= 65535;
}

static uint64_t plan_decoder(const lic_model *model, const lic_container *file, size_t row_bytes,
                             int threads)
{
    const uint32_t width = file->width, height = file->height;
    lic_decoding d = {.file = *file,
                      .scale = 1,
                      .lossless = file->version > 1,
                      .exact = lic_chunk_find(file->chunks, file->n_chunks, LIC_EXACT_TYPE),
                      .to.image = {.height = height, .stride_bytes = row_bytes},
                      .by_rows = row_bytes != 0};
    if ((!model && !d.lossless) || !in_range(width, height))
        return 0;
    d.crop = (lic_area){0, 0, (int)width, (int)height};
    if (!lic_grid_init(&d.grid, width, height, (int)file->tile_w, (int)file->tile_h))
        return 0;
    return lic_session_plan(model, lic_decoding_forward, &d, threads);
}

uint64_t lic_plan_stream_bytes(const lic_model *model, const lic_info *info, size_t row_bytes,
                               int threads)
{
    if (!info)
        return 0;
    const lic_container file = {.version = info->lossless ? LIC_VERSION_LOSSLESS : 1,
                                .channels = info->channels,
                                .depth = info->depth,
                                .width = info->width,
                                .height = info->height,
                                .tile_w = info->tile_width,
                                .tile_h = info->tile_height,
                                .chunks = info->chunks,
                                .n_chunks = info->n_chunks};
    return plan_decoder(model, &file, row_bytes, threads);
}

uint64_t lic_plan_bytes(const lic_model *model, uint32_t width, uint32_t height, uint32_t tile_side,
                        size_t row_bytes, int threads)
{
    int tile_w, tile_h;
    if (!in_range(width, height) || !lic_tile_side_is_valid(tile_side))
        return 0;
    lic_grid_choose(width, height, !model && !tile_side ? LIC_LOSSLESS_SIDE : tile_side, &tile_w,
                    &tile_h);
    const lic_chunk exact = {.type = LIC_EXACT_TYPE};
    const lic_container file = {.version = model ? 1 : LIC_VERSION_LOSSLESS,
                                .chunks = &exact,
                                .n_chunks = model ? 1 : 0,
                                .channels = 3,
                                .depth = 16,
                                .width = width,
                                .height = height,
                                .tile_w = (uint32_t)tile_w,
                                .tile_h = (uint32_t)tile_h};
    const uint64_t decoder = plan_decoder(model, &file, row_bytes, threads);
    const uint64_t encoder =
        decoder ? lic_plan_encoder(model, width, height, tile_side, row_bytes, threads) : 0;
    return encoder > decoder ? encoder : decoder;
}
