/* alpha_old.c - see alpha_old.h. The chunk is hostile. */
#include "codec/alpha_old.h"

#include "codec/base/status.h"

#include <string.h>

enum { FILTERS = 5 };

bool lic_old_plane_open(lic_old_plane *p, const lic_chunk *chunk, uint32_t width, uint32_t depth,
                        const lic_allocator *allocator)
{
    const size_t row = (size_t)width * (depth / 8) + 1;
    *p = (lic_old_plane){.allocator = allocator,
                         .width = width,
                         .depth = depth,
                         .at = chunk->data,
                         .end = chunk->data + chunk->bytes,
                         .block = lic_alloc(allocator, 2 * row)};
    if (!p->block)
        return false;
    memset(p->block, 0, 2 * row); /* the row above the first one is zero */
    p->row = p->block;
    p->above = p->block + row;
    lic_deflate_prepare(&p->z, &p->allocator);
    if (inflateInit(&p->z) == Z_OK)
        return true;
    lic_dealloc(allocator, p->block);
    p->block = NULL;
    return false;
}

void lic_old_plane_close(lic_old_plane *p)
{
    if (!p->block)
        return;
    inflateEnd(&p->z);
    lic_dealloc(p->allocator, p->block);
}

/* Inflates up to `bytes` bytes. Z_OK if all of them came, Z_STREAM_END at the end. */
static int inflate_some(lic_old_plane *p, uint8_t *to, size_t bytes)
{
    int result = Z_OK;
    p->z.next_out = to;
    p->z.avail_out = (uInt)bytes;
    while (result == Z_OK && p->z.avail_out > 0) {
        if (p->z.avail_in == 0) {
            const size_t left = (size_t)(p->end - p->at);
            p->z.next_in = p->at;
            p->z.avail_in = (uInt)(left < UINT32_MAX ? left : UINT32_MAX);
            p->at += p->z.avail_in;
        }
        result = inflate(&p->z, Z_NO_FLUSH);
    }
    return result;
}

/* The prediction of a sample from a (left), b (above) and c (above left); PNG specification,
 * section 9. */
static int predict(int filter, int a, int b, int c)
{
    const int p = a + b - c;
    const int pa = p > a ? p - a : a - p, pb = p > b ? p - b : b - p, pc = p > c ? p - c : c - p;
    switch (filter) {
    case 1:
        return a;
    case 2:
        return b;
    case 3:
        return (a + b) / 2;
    case 4: /* Paeth */
        return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
    default:
        return 0;
    }
}

static void unfilter(const lic_old_plane *p, int filter)
{
    const size_t unit = p->depth / 8, bytes = p->width * unit;
    uint8_t *row = p->row + 1;
    const uint8_t *above = p->above + 1;
    for (size_t i = 0; i < bytes; i++) {
        const int a = i < unit ? 0 : row[i - unit], c = i < unit ? 0 : above[i - unit];
        row[i] = (uint8_t)(row[i] + predict(filter, a, above[i], c));
    }
}

lic_status lic_old_plane_row(lic_old_plane *p, uint16_t *samples)
{
    uint8_t *row = p->above; /* no longer needed */
    const int result = inflate_some(p, row, (size_t)p->width * (p->depth / 8) + 1);
    if (result == Z_MEM_ERROR)
        return LIC_ERR_MEMORY;
    if ((result != Z_OK && result != Z_STREAM_END) || p->z.avail_out > 0 || row[0] >= FILTERS)
        return LIC_ERR_CORRUPT;
    p->above = p->row;
    p->row = row;
    unfilter(p, row[0]);
    row++;
    for (size_t x = 0; x < p->width; x++)
        samples[x] = p->depth == 8 ? row[x] : (uint16_t)(row[2 * x] << 8 | row[2 * x + 1]);
    return LIC_OK;
}

bool lic_old_plane_ends(lic_old_plane *p)
{
    uint8_t more;
    const int result = inflate_some(p, &more, 1);
    return result == Z_STREAM_END && p->z.avail_out == 1 && p->z.avail_in == 0 && p->at == p->end;
}
