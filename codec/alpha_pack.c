/* alpha_pack.c - see alpha.h: rows of alpha into a chunk. Packing starts with the first row that is
 * not opaque, so an opaque picture costs no bytes and next to no time. */
#include "codec/alpha.h"
#include "codec/base/bytes.h"
#include "codec/base/status.h"
#include "codec/container.h"
#include "codec/tile_list.h"

#include <string.h>

enum { STRIPE_SAMPLES = 1 << 20 };

struct lic_plane_packer {
    const lic_allocator *allocator;
    uint32_t width, height, depth;
    uint32_t opaque_rows; /* at the top, not packed yet */
    uint32_t rows;        /* in the stripe so far */
    uint32_t rows_left;   /* of the plane */
    bool started;
    lic_stripe stripe;
    lic_tile_list list;
};

/* ---- stripes ---- */

static size_t row_bytes(uint32_t width, uint32_t depth)
{
    return (size_t)width * (depth / 8);
}

uint64_t lic_plane_bytes(uint32_t width, uint32_t height, uint32_t depth)
{
    return (uint64_t)row_bytes(width, depth) * height;
}

static void take(lic_stripe *s, lic_arena *arena, uint32_t width, uint32_t height, uint32_t depth,
                 bool decoding)
{
    const size_t row = row_bytes(width, depth);
    const uint32_t rows = width < STRIPE_SAMPLES ? STRIPE_SAMPLES / width : 1;
    s->rows = rows < height ? rows : height;
    lic_lossless_take(&s->coder, arena, width, s->rows, 1, depth);
    s->raster = (lic_raster){lic_arena_take(arena, s->rows, row), row, width, s->rows, 1, depth};
    s->code_bytes = decoding ? 0 : lic_lossless_room(row * s->rows);
    s->code = lic_arena_take(arena, s->code_bytes, 1);
}

bool lic_stripe_take(lic_stripe *s, uint32_t width, uint32_t height, uint32_t depth, bool decoding,
                     const lic_allocator *allocator)
{
    lic_arena plan;
    lic_arena_plan(&plan);
    take(s, &plan, width, height, depth, decoding);
    if (plan.failed || !lic_arena_reserve(&s->arena, plan.peak, allocator)) {
        s->rows = 0;
        return false;
    }
    take(s, &s->arena, width, height, depth, decoding);
    return !s->arena.failed;
}

uint32_t lic_stripe_check(const lic_stripe *s)
{
    return lic_crc32(0, s->raster.data, s->raster.stride_bytes * s->raster.height);
}

size_t lic_plane_memory(uint32_t width, uint32_t height, uint32_t depth)
{
    lic_arena plan;
    lic_stripe s;
    lic_arena_plan(&plan);
    take(&s, &plan, width, height, depth, false);
    return lic_arena_whole(plan.peak) + 2 * sizeof(lic_plane_packer) + 6 * row_bytes(width, 16);
}

/* ---- packing ---- */

lic_plane_packer *lic_plane_packer_new(uint32_t width, uint32_t height, uint32_t depth,
                                       const lic_allocator *allocator)
{
    lic_plane_packer *p = lic_alloc(allocator, sizeof *p);
    if (!p)
        return NULL;
    memset(p, 0, sizeof *p);
    p->allocator = p->list.bytes.allocator = allocator;
    p->width = width;
    p->height = p->rows_left = height;
    p->depth = depth;
    return p;
}

void lic_plane_packer_free(lic_plane_packer *p)
{
    if (!p)
        return;
    lic_arena_release(&p->stripe.arena);
    lic_buffer_free(&p->list.bytes);
    lic_dealloc(p->allocator, p);
}

/* Codes the rows of the stripe, and begins another. */
static bool end_stripe(lic_plane_packer *p)
{
    lic_stripe *s = &p->stripe;
    lic_range_encoder encoder;
    s->raster.height = p->rows;
    lic_range_encoder_init(&encoder, lic_lossless_refuse_growth, NULL);
    encoder.data = s->code;
    encoder.capacity = s->code_bytes;
    lic_lossless_encode(&s->coder, &encoder, &s->raster);
    p->rows = 0;
    return lic_range_finish(&encoder) &&
           lic_tile_list_append(&p->list, s->code, encoder.bytes, lic_stripe_check(s));
}

/* Where the next row of alpha goes. */
static uint8_t *next_row(lic_plane_packer *p)
{
    return (uint8_t *)p->stripe.raster.data + p->rows * p->stripe.raster.stride_bytes;
}

static bool row_is_there(lic_plane_packer *p)
{
    p->rows++;
    p->rows_left--;
    return (p->rows < p->stripe.rows && p->rows_left > 0) || end_stripe(p);
}

bool lic_plane_row_is_opaque(const void *row, uint32_t width, uint32_t channels, uint32_t depth)
{
    const size_t sample = depth / 8;
    const uint8_t *at = (const uint8_t *)row + (channels - 1) * sample;
    for (uint32_t x = 0; x < width; x++, at += channels * sample)
        if (at[0] != 0xFF || at[sample - 1] != 0xFF)
            return false;
    return true;
}

/* At the first row that is not opaque, packs the opaque rows above it too. */
static bool start(lic_plane_packer *p)
{
    if (!lic_stripe_take(&p->stripe, p->width, p->height, p->depth, false, p->allocator))
        return false;
    p->started = true;
    for (; p->opaque_rows > 0; p->opaque_rows--) {
        memset(next_row(p), 0xFF, p->stripe.raster.stride_bytes);
        if (!row_is_there(p))
            return false;
    }
    return true;
}

bool lic_plane_pack_row(lic_plane_packer *p, const void *row, uint32_t channels)
{
    const size_t sample = p->depth / 8;
    const uint8_t *at = (const uint8_t *)row + (channels - 1) * sample;
    if (!p->started && lic_plane_row_is_opaque(row, p->width, channels, p->depth)) {
        p->opaque_rows++;
        return true;
    }
    if (!p->started && !start(p))
        return false;
    uint8_t *to = next_row(p);
    for (uint32_t x = 0; x < p->width; x++, at += channels * sample)
        memcpy(to + x * sample, at, sample);
    return row_is_there(p);
}

void lic_plane_pack_end(lic_plane_packer *p, lic_chunk *chunk)
{
    *chunk = (lic_chunk){0};
    if (!p->started)
        return;
    *chunk = (lic_chunk){.data = p->list.bytes.data,
                         .bytes = p->list.bytes.bytes,
                         .packed = 1,
                         .unpacked_bytes = (size_t)lic_plane_bytes(p->width, p->height, p->depth)};
    memcpy(chunk->type, LIC_ALPHA_TYPE, sizeof chunk->type);
}
