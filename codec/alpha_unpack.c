/* alpha_unpack.c - see alpha.h: turns a chunk of alpha into rows of an image. The chunk is
 * hostile. */
#include "codec/alpha.h"
#include "codec/base/status.h"
#include "codec/deflate.h"

#include <string.h>

struct lic_plane_unpacker {
    const lic_allocator *allocator;
    lic_plane_part part;
    size_t row_bytes;
    uint32_t rows_read; /* of the plane */
    const uint8_t *at, *end;
    z_stream z;
    uint8_t *above, *row; /* with the filter type in front; row is the latest */
    uint32_t *sums;       /* [columns of a reduced part] */
};

/* Bytes of two rows; sums, if any, follow them, aligned. */
static size_t rows_bytes(const lic_plane_part *part)
{
    const size_t bytes = 2 * ((size_t)part->width * (part->depth / 8) + 1);
    return (bytes + sizeof(uint32_t) - 1) / sizeof(uint32_t) * sizeof(uint32_t);
}

lic_plane_unpacker *lic_plane_unpacker_new(const lic_plane_part *part,
                                           const lic_allocator *allocator)
{
    const size_t rows = rows_bytes(part);
    const size_t sums = part->scale > 1 ? (part->width / part->scale + 1) * sizeof(uint32_t) : 0;
    uint8_t *block = lic_alloc(allocator, sizeof(lic_plane_unpacker) + rows + sums);
    if (!block)
        return NULL;
    memset(block, 0, sizeof(lic_plane_unpacker) + rows); /* the row above the first one is
                                                            zero */
    lic_plane_unpacker *u = (void *)block;
    u->allocator = allocator;
    u->part = *part;
    u->row_bytes = (size_t)part->width * (part->depth / 8);
    u->row = block + sizeof *u;
    u->above = u->row + u->row_bytes + 1;
    u->sums = (void *)(block + sizeof *u + rows);
    if (!part->chunk)
        return u;
    u->at = part->chunk->data;
    u->end = u->at + part->chunk->bytes;
    lic_deflate_prepare(&u->z, &u->allocator);
    if (inflateInit(&u->z) != Z_OK) {
        lic_dealloc(allocator, block);
        return NULL;
    }
    return u;
}

void lic_plane_unpacker_free(lic_plane_unpacker *u)
{
    if (!u)
        return;
    if (u->part.chunk)
        inflateEnd(&u->z);
    lic_dealloc(u->allocator, u);
}

/* Inflates up to `bytes` bytes. Z_OK if all of them came, Z_STREAM_END at the end. */
static int inflate_some(lic_plane_unpacker *u, uint8_t *to, size_t bytes)
{
    int result = Z_OK;
    u->z.next_out = to;
    u->z.avail_out = (uInt)bytes;
    while (result == Z_OK && u->z.avail_out > 0) {
        if (u->z.avail_in == 0) {
            const size_t left = (size_t)(u->end - u->at);
            u->z.next_in = u->at;
            u->z.avail_in = (uInt)(left < UINT32_MAX ? left : UINT32_MAX);
            u->at += u->z.avail_in;
        }
        result = inflate(&u->z, Z_NO_FLUSH);
    }
    return result;
}

static void unfilter(const lic_plane_unpacker *u, int filter)
{
    const size_t unit = u->part.depth / 8;
    uint8_t *row = u->row + 1;
    const uint8_t *above = u->above + 1;
    for (size_t i = 0; i < u->row_bytes; i++) {
        const int a = i < unit ? 0 : row[i - unit], c = i < unit ? 0 : above[i - unit];
        row[i] = (uint8_t)(row[i] + lic_plane_predict(filter, a, above[i], c));
    }
}

/* Reads the next row of the plane into u->row. */
static lic_status next_row(lic_plane_unpacker *u)
{
    uint8_t *row = u->above; /* no longer needed */
    const int result = inflate_some(u, row, u->row_bytes + 1);
    if (result == Z_MEM_ERROR)
        return LIC_ERR_MEMORY;
    if ((result != Z_OK && result != Z_STREAM_END) || u->z.avail_out > 0 ||
        row[0] >= LIC_ALPHA_FILTERS)
        return LIC_ERR_CORRUPT;
    u->above = u->row;
    u->row = row;
    u->rows_read++;
    unfilter(u, row[0]);
    return LIC_OK;
}

static uint32_t sample(const lic_plane_unpacker *u, size_t x)
{
    const uint8_t *row = u->row + 1;
    return u->part.depth == 8 ? row[x] : (uint32_t)row[2 * x] << 8 | row[2 * x + 1];
}

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
        put(image, row, x, sample(u, u->part.x + x), most);
    return status;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
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
            u->sums[x / scale] += sample(u, x);
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
    uint8_t more;
    if (!u->part.chunk || u->rows_read < u->part.height)
        return LIC_OK;
    const int result = inflate_some(u, &more, 1);
    const bool ended = result == Z_STREAM_END && u->z.avail_out == 1;
    return ended && u->z.avail_in == 0 && u->at == u->end ? LIC_OK : LIC_ERR_CORRUPT;
}
