/* alpha_unpack.c - see alpha.h: turns a chunk of alpha into rows of an image. The chunk is
 * hostile. */
#include "codec/alpha.h"
#include "codec/alpha_old.h"
#include "codec/base/bytes.h"
#include "codec/base/status.h"
#include "codec/container.h"

#include <string.h>

struct lic_plane_unpacker {
    const lic_allocator *allocator;
    lic_plane_part part;
    uint32_t rows_read; /* of the plane */
    bool old;           /* the chunk has rows packed by zlib, else stripes */
    lic_old_plane plane;
    lic_reader reader; /* of the stripes to come */
    lic_stripe stripe; /* the latest one */
    uint16_t *samples; /* [part.width] of the latest row */
    uint32_t sums[];   /* [columns of a reduced part] */
};

static bool open_chunk(lic_plane_unpacker *u)
{
    const lic_chunk *chunk = u->part.chunk;
    u->old = lic_chunk_is(chunk->type, LIC_OLD_ALPHA_TYPE);
    if (u->old)
        return lic_old_plane_open(&u->plane, chunk, u->part.width, u->part.depth, u->allocator);
    u->reader = (lic_reader){.at = chunk->data, .end = chunk->data + chunk->bytes};
    return true;
}

/* By now what the whole call takes is within its limit. */
static bool take_stripe(lic_plane_unpacker *u)
{
    return u->stripe.rows > 0 || lic_stripe_take(&u->stripe, u->part.width, u->part.height,
                                                 u->part.depth, true, u->allocator);
}

lic_plane_unpacker *lic_plane_unpacker_new(const lic_plane_part *part,
                                           const lic_allocator *allocator)
{
    const size_t sums = part->scale > 1 ? (part->width / part->scale + 1) * sizeof(uint32_t) : 0;
    const size_t samples = part->width * sizeof(uint16_t);
    lic_plane_unpacker *u = lic_alloc(allocator, sizeof *u + sums + samples);
    if (!u)
        return NULL;
    memset(u, 0, sizeof *u);
    u->allocator = allocator;
    u->part = *part;
    u->samples = (void *)((uint8_t *)u->sums + sums);
    if (part->chunk && !open_chunk(u)) {
        lic_plane_unpacker_free(u);
        return NULL;
    }
    return u;
}

void lic_plane_unpacker_free(lic_plane_unpacker *u)
{
    if (!u)
        return;
    lic_old_plane_close(&u->plane);
    lic_arena_release(&u->stripe.arena);
    lic_dealloc(u->allocator, u);
}

/* ---- rows of the plane ---- */

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Reads the stripe that begins with the next row. One that ends above the part is passed over. */
static lic_status next_stripe(lic_plane_unpacker *u, bool *passed)
{
    lic_stripe *s = &u->stripe;
    const uint32_t bytes = lic_read_varint(&u->reader), check = lic_read_u32(&u->reader);
    const uint8_t *code = u->reader.at;
    if (u->reader.failed || (size_t)(u->reader.end - code) < bytes)
        return LIC_ERR_CORRUPT;
    u->reader.at += bytes;
    s->raster.height = smaller(s->rows, u->part.height - u->rows_read);
    *passed = u->rows_read + s->raster.height <= u->part.y;
    if (*passed)
        return LIC_OK;
    lic_range_decoder decoder;
    lic_range_decoder_init(&decoder, code, bytes);
    lic_lossless_decode(&s->coder, &decoder, &s->raster);
    return lic_range_decoder_ok(&decoder) && lic_stripe_check(s) == check ? LIC_OK
                                                                          : LIC_ERR_CORRUPT;
}

static lic_status next_of_stripes(lic_plane_unpacker *u)
{
    if (!take_stripe(u))
        return LIC_ERR_MEMORY;
    const uint32_t row = u->rows_read % u->stripe.rows;
    bool passed = false;
    const lic_status status = row == 0 ? next_stripe(u, &passed) : LIC_OK;
    if (status)
        return status;
    u->rows_read += passed ? u->stripe.raster.height : 1;
    for (uint32_t x = 0; x < u->part.width && !passed; x++)
        u->samples[x] = (uint16_t)lic_raster_sample(&u->stripe.raster, x, row, 0);
    return LIC_OK;
}

/* Reads the next row of the plane into u->samples, or passes over a stripe. */
static lic_status next_row(lic_plane_unpacker *u)
{
    if (!u->old)
        return next_of_stripes(u);
    const lic_status status = lic_old_plane_row(&u->plane, u->samples);
    u->rows_read += !status;
    return status;
}

/* ---- rows of the image ---- */

/* Sets the last channel of pixel x of an image row from `value` of `most`, rounded. */
static void put(const lic_image *image, void *row, size_t x, uint32_t value, uint32_t most)
{
    const uint32_t to_most = (1u << image->depth) - 1;
    const uint32_t scaled = most == to_most ? value : (value * to_most + most / 2) / most;
    const size_t at = x * image->channels + image->channels - 1;
    if (image->depth == 8)
        ((uint8_t *)row)[at] = (uint8_t)scaled;
    else
        ((uint16_t *)row)[at] = (uint16_t)scaled;
}

static lic_status whole_row(lic_plane_unpacker *u, const lic_image *image, void *row)
{
    const uint32_t most = (1u << u->part.depth) - 1;
    const lic_status status = next_row(u);
    for (uint32_t x = 0; x < image->width && !status; x++)
        put(image, row, x, u->samples[u->part.x + x], most);
    return status;
}

/* Means over scale x scale samples, over fewer at the right and lower edges. */
static lic_status reduced_row(lic_plane_unpacker *u, const lic_image *image, void *row)
{
    const uint32_t scale = u->part.scale, width = u->part.width;
    const uint32_t most = (1u << u->part.depth) - 1;
    const uint32_t rows = smaller(scale, u->part.height - u->rows_read);
    memset(u->sums, 0, image->width * sizeof *u->sums);
    for (uint32_t y = 0; y < rows; y++) {
        const lic_status status = next_row(u);
        if (status)
            return status;
        for (uint32_t x = 0; x < width; x++)
            u->sums[x / scale] += u->samples[x];
    }
    for (uint32_t x = 0; x < image->width; x++) {
        const uint32_t n = rows * smaller(scale, width - x * scale);
        put(image, row, x, (u->sums[x] + n / 2) / n, most);
    }
    return LIC_OK;
}

static void opaque_row(const lic_image *image, void *row)
{
    for (uint32_t x = 0; x < image->width; x++)
        put(image, row, x, 1, 1);
}

lic_status lic_plane_unpack_rows(lic_plane_unpacker *u, const lic_image *image, void *rows,
                                 uint32_t n_rows)
{
    lic_status status = LIC_OK;
    while (u->part.chunk && u->rows_read < u->part.y && !status)
        status = next_row(u);
    for (uint32_t y = 0; y < n_rows && !status; y++) {
        void *row = (uint8_t *)rows + y * image->stride_bytes;
        if (!u->part.chunk)
            opaque_row(image, row);
        else if (u->part.scale > 1)
            status = reduced_row(u, image, row);
        else
            status = whole_row(u, image, row);
    }
    return status;
}

lic_status lic_plane_unpack_end(lic_plane_unpacker *u)
{
    if (!u->part.chunk || u->rows_read < u->part.height)
        return LIC_OK;
    const bool ends = u->old ? lic_old_plane_ends(&u->plane) : u->reader.at == u->reader.end;
    return ends ? LIC_OK : LIC_ERR_CORRUPT;
}
