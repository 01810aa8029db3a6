/* alpha_pack.c - see alpha.h: rows of alpha into a chunk. Packing starts with the first row that is
 * not opaque, so an opaque picture costs no bytes and next to no time. */
#include "codec/alpha.h"
#include "codec/base/status.h"
#include "codec/deflate.h"

#include <string.h>

/* zlib's level. At 6, masks pack about as well as at 9; at 9, gradients take ten times as long. */
enum { PACK_LEVEL = 6 };
enum { FIRST_BYTES = 1 << 14, MOST_MORE = 1 << 28 }; /* sizes of the packed plane as it grows */
enum { N_ROWS = 4 };

struct lic_plane_packer {
    const lic_allocator *allocator;
    uint32_t width, depth;
    size_t row_bytes;
    uint64_t opaque_rows; /* at the top, not packed yet */
    bool started;
    z_stream z;
    uint8_t *above, *row;        /* as stored in the file */
    uint8_t *filtered, *attempt; /* with the filter type in front */
    uint8_t *data;
    size_t capacity;
    uint8_t block[]; /* the four rows */
};

uint64_t lic_plane_bytes(uint32_t width, uint32_t height, uint32_t depth)
{
    return height * (1 + (uint64_t)width * (depth / 8));
}

size_t lic_plane_memory(uint32_t width, uint32_t depth)
{
    return sizeof(struct lic_plane_packer) + N_ROWS * ((size_t)width * (depth / 8) + 1) +
           LIC_DEFLATE_BYTES;
}

lic_plane_packer *lic_plane_packer_new(uint32_t width, uint32_t depth,
                                       const lic_allocator *allocator)
{
    const size_t bytes = (size_t)width * (depth / 8), rows = N_ROWS * (bytes + 1);
    lic_plane_packer *p = lic_alloc(allocator, sizeof *p + rows);
    if (!p)
        return NULL;
    *p = (lic_plane_packer){
        .allocator = allocator, .width = width, .depth = depth, .row_bytes = bytes};
    memset(p->block, 0, rows);
    p->above = p->block;
    p->row = p->above + bytes + 1;
    p->filtered = p->row + bytes + 1;
    p->attempt = p->filtered + bytes + 1;
    return p;
}

void lic_plane_packer_free(lic_plane_packer *p)
{
    if (!p)
        return;
    if (p->started)
        deflateEnd(&p->z);
    lic_dealloc(p->allocator, p->data);
    lic_dealloc(p->allocator, p);
}

static bool grow(lic_plane_packer *p)
{
    const size_t done = p->capacity;
    const size_t more = !done ? FIRST_BYTES : done < MOST_MORE ? done : MOST_MORE;
    uint8_t *grown = done > SIZE_MAX - more ? NULL : lic_alloc(p->allocator, done + more);
    if (!grown)
        return false;
    if (done)
        memcpy(grown, p->data, done);
    lic_dealloc(p->allocator, p->data);
    p->data = grown;
    p->capacity = done + more;
    p->z.next_out = grown + done;
    p->z.avail_out = (uInt)more;
    return true;
}

/* Deflates what z.next_in points to; the output grows as it fills. */
static bool deflate_all(lic_plane_packer *p, int flush)
{
    for (;;) {
        if (p->z.avail_out == 0 && !grow(p))
            return false;
        const int result = deflate(&p->z, flush);
        if (result == Z_STREAM_END || (flush == Z_NO_FLUSH && p->z.avail_in == 0))
            return true;
        if (result != Z_OK && result != Z_BUF_ERROR)
            return false;
    }
}

/* out = row filtered. Returns the sum of the residuals' magnitudes, by which PNG encoders choose a
 * filter. */
static uint64_t filter_row(int filter, const lic_plane_packer *p, uint8_t *out)
{
    const size_t unit = p->depth / 8;
    uint64_t sum = 0;
    for (size_t i = 0; i < p->row_bytes; i++) {
        const int a = i < unit ? 0 : p->row[i - unit], c = i < unit ? 0 : p->above[i - unit];
        out[i] = (uint8_t)(p->row[i] - lic_plane_predict(filter, a, p->above[i], c));
        sum += out[i] < 128 ? out[i] : 256u - out[i];
    }
    return sum;
}

/* Filters p->row with the filter that leaves the smallest residuals, and packs it. */
static bool pack(lic_plane_packer *p)
{
    uint64_t least = UINT64_MAX;
    for (int filter = 0; filter < LIC_ALPHA_FILTERS && least > 0; filter++) {
        const uint64_t sum = filter_row(filter, p, p->attempt + 1);
        if (sum >= least)
            continue;
        uint8_t *better = p->attempt;
        better[0] = (uint8_t)filter;
        p->attempt = p->filtered;
        p->filtered = better;
        least = sum;
    }
    uint8_t *now = p->row;
    p->row = p->above;
    p->above = now;
    p->z.next_in = p->filtered;
    p->z.avail_in = (uInt)p->row_bytes + 1;
    return deflate_all(p, Z_NO_FLUSH);
}

/* Takes the row as the file stores it: highest byte first. */
static void take_row(lic_plane_packer *p, const void *row, uint32_t channels)
{
    const uint8_t *bytes = row;
    for (size_t x = 0, at = channels - 1; x < p->width; x++, at += channels) {
        uint16_t wide;
        if (p->depth == 8) {
            p->row[x] = bytes[at];
        } else {
            memcpy(&wide, bytes + 2 * at, sizeof wide);
            p->row[2 * x] = (uint8_t)(wide >> 8);
            p->row[2 * x + 1] = (uint8_t)wide;
        }
    }
}

static bool is_opaque(const lic_plane_packer *p)
{
    for (size_t i = 0; i < p->row_bytes; i++)
        if (p->row[i] != 0xFF)
            return false;
    return true;
}

/* At the first row that is not opaque, packs the opaque rows above it too. */
static bool start(lic_plane_packer *p)
{
    lic_deflate_prepare(&p->z, &p->allocator);
    if (deflateInit(&p->z, PACK_LEVEL) != Z_OK)
        return false;
    p->started = true;
    for (; p->opaque_rows > 0; p->opaque_rows--) {
        memset(p->row, 0xFF, p->row_bytes);
        if (!pack(p))
            return false;
    }
    return true;
}

bool lic_plane_pack_row(lic_plane_packer *p, const void *row, uint32_t channels)
{
    take_row(p, row, channels);
    if (!p->started && is_opaque(p)) {
        p->opaque_rows++;
        return true;
    }
    if (!p->started) {
        if (!start(p))
            return false;
        take_row(p, row, channels);
    }
    return pack(p);
}

bool lic_plane_pack_end(lic_plane_packer *p, uint32_t height, lic_chunk *chunk)
{
    *chunk = (lic_chunk){0};
    if (!p->started)
        return true;
    p->z.avail_in = 0;
    if (!deflate_all(p, Z_FINISH))
        return false;
    *chunk = (lic_chunk){.data = p->data,
                         .bytes = (size_t)(p->z.next_out - p->data),
                         .packed = 1,
                         .unpacked_bytes = (size_t)lic_plane_bytes(p->width, height, p->depth)};
    memcpy(chunk->type, LIC_ALPHA_TYPE, sizeof chunk->type);
    return true;
}
