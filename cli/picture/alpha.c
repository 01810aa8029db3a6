/* alpha.c - see alpha.h. */
#include "cli/picture/alpha.h"

#include "cli/base/report.h"

#include <stdlib.h>
#include <string.h>
#define ZLIB_CONST /* next_in points to const */
#include <zlib.h>

/* Of zlib. Masks pack about as well by 6 as by 9; gradients by 9 take ten times as long. */
enum { PACK_LEVEL = 6 };

enum { N_FILTERS = 5 };
enum { FIRST_BYTES = 1 << 14, MOST_MORE = 1 << 28 }; /* of the packed plane, as it grows */

uint64_t lic_alpha_bytes(uint32_t width, uint32_t height, uint32_t depth)
{
    return height * (1 + (uint64_t)width * (depth / 8));
}

/* ---- filters (PNG specification, section 9) ---- */

/* A row as it is in the file: highest byte first. */
static void to_bytes(const void *samples, uint32_t width, uint32_t depth, uint8_t *bytes)
{
    const uint16_t *wide = samples;
    if (depth == 8) {
        memcpy(bytes, samples, width);
        return;
    }
    for (uint32_t x = 0; x < width; x++) {
        bytes[2 * x] = (uint8_t)(wide[x] >> 8);
        bytes[2 * x + 1] = (uint8_t)wide[x];
    }
}

static void from_bytes(const uint8_t *bytes, uint32_t width, uint32_t depth, void *samples)
{
    uint16_t *wide = samples;
    if (depth == 8) {
        memcpy(samples, bytes, width);
        return;
    }
    for (uint32_t x = 0; x < width; x++)
        wide[x] = (uint16_t)(bytes[2 * x] << 8 | bytes[2 * x + 1]);
}

static int distance(int a, int b)
{
    return a > b ? a - b : b - a;
}

/* a: left, b: above, c: left of above. */
static int paeth(int a, int b, int c)
{
    const int p = a + b - c, pa = distance(p, a), pb = distance(p, b), pc = distance(p, c);
    return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
}

static int predict(int filter, int a, int b, int c)
{
    switch (filter) {
    case 1:
        return a;
    case 2:
        return b;
    case 3:
        return (a + b) / 2;
    case 4:
        return paeth(a, b, c);
    default:
        return 0;
    }
}

/* out = row filtered; returns the sum of the residuals' sizes, by which PNG encoders choose. */
static uint64_t filter_row(int filter, const uint8_t *row, const uint8_t *above, size_t bytes,
                           size_t unit, uint8_t *out)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < bytes; i++) {
        const int a = i < unit ? 0 : row[i - unit], c = i < unit ? 0 : above[i - unit];
        out[i] = (uint8_t)(row[i] - predict(filter, a, above[i], c));
        sum += out[i] < 128 ? out[i] : 256u - out[i];
    }
    return sum;
}

static void unfilter_row(int filter, uint8_t *row, const uint8_t *above, size_t bytes, size_t unit)
{
    for (size_t i = 0; i < bytes; i++) {
        const int a = i < unit ? 0 : row[i - unit], c = i < unit ? 0 : above[i - unit];
        row[i] = (uint8_t)(row[i] + predict(filter, a, above[i], c));
    }
}

/* ---- packing ---- */

struct lic_alpha_packer {
    uint32_t width, depth;
    size_t row_bytes;
    uint64_t opaque_rows; /* at the top, not packed yet */
    bool started;
    z_stream z;
    uint8_t *block;              /* holds the four rows */
    uint8_t *above, *row;        /* as in the file */
    uint8_t *filtered, *attempt; /* with the type in front */
    uint8_t *data;
    size_t capacity;
};

lic_alpha_packer *lic_alpha_packer_new(uint32_t width, uint32_t depth)
{
    const size_t bytes = (size_t)width * (depth / 8);
    lic_alpha_packer *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    *p = (lic_alpha_packer){.width = width, .depth = depth, .row_bytes = bytes};
    p->block = calloc(4, bytes + 1);
    if (!p->block) {
        free(p);
        return NULL;
    }
    p->above = p->block;
    p->row = p->above + bytes + 1;
    p->filtered = p->row + bytes + 1;
    p->attempt = p->filtered + bytes + 1;
    return p;
}

void lic_alpha_packer_free(lic_alpha_packer *p)
{
    if (!p)
        return;
    if (p->started)
        deflateEnd(&p->z);
    free(p->block);
    free(p->data);
    free(p);
}

/* Deflates what z.next_in points to; the output grows as it fills. */
static bool deflate_all(lic_alpha_packer *p, int flush)
{
    for (;;) {
        if (p->z.avail_out == 0) {
            const size_t done = p->capacity, more = !done              ? FIRST_BYTES
                                                    : done < MOST_MORE ? done
                                                                       : MOST_MORE;
            uint8_t *grown = done > SIZE_MAX - more ? NULL : realloc(p->data, done + more);
            if (!grown)
                return false;
            p->data = grown;
            p->capacity = done + more;
            p->z.next_out = grown + done;
            p->z.avail_out = (uInt)more;
        }
        const int result = deflate(&p->z, flush);
        if (result == Z_STREAM_END || (flush == Z_NO_FLUSH && p->z.avail_in == 0))
            return true;
        if (result != Z_OK && result != Z_BUF_ERROR)
            return false;
    }
}

/* Filters p->row by the filter with the smallest residuals, and packs it. */
static bool pack(lic_alpha_packer *p)
{
    uint64_t least = UINT64_MAX;
    for (int filter = 0; filter < N_FILTERS && least > 0; filter++) {
        const uint64_t sum =
            filter_row(filter, p->row, p->above, p->row_bytes, p->depth / 8, p->attempt + 1);
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

static bool is_opaque(const lic_alpha_packer *p)
{
    for (size_t i = 0; i < p->row_bytes; i++)
        if (p->row[i] != 0xFF)
            return false;
    return true;
}

/* The first row that is not opaque: now the ones above it count, too. */
static bool start(lic_alpha_packer *p)
{
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

bool lic_alpha_pack_row(lic_alpha_packer *p, const void *samples)
{
    to_bytes(samples, p->width, p->depth, p->row);
    if (!p->started && is_opaque(p)) {
        p->opaque_rows++;
        return true;
    }
    if (!p->started) {
        if (!start(p))
            return false;
        to_bytes(samples, p->width, p->depth, p->row);
    }
    return pack(p);
}

bool lic_alpha_pack_end(lic_alpha_packer *p, lic_alpha_plane *plane)
{
    *plane = (lic_alpha_plane){.depth = p->depth};
    if (!p->started)
        return true;
    p->z.avail_in = 0;
    if (!deflate_all(p, Z_FINISH))
        return false;
    *plane = (lic_alpha_plane){.data = p->data,
                               .bytes = (size_t)(p->z.next_out - p->data),
                               .depth = p->depth,
                               .owned = p->data};
    p->data = NULL;
    return true;
}

/* ---- unpacking ---- */

struct lic_alpha_unpacker {
    uint32_t width, depth;
    uint32_t x, skip; /* samples and rows before the part that is wanted */
    bool is_part;
    size_t row_bytes;
    const uint8_t *at, *end;
    z_stream z;
    uint8_t *block, *above, *row; /* rows with the type in front */
};

lic_alpha_unpacker *lic_alpha_unpacker_new(const lic_alpha_plane *plane, uint32_t width)
{
    const size_t bytes = (size_t)(plane->width ? plane->width : width) * (plane->depth / 8);
    lic_alpha_unpacker *u = calloc(1, sizeof *u);
    if (!u)
        return NULL;
    *u = (lic_alpha_unpacker){.width = width,
                              .depth = plane->depth,
                              .x = plane->x,
                              .skip = plane->y,
                              .is_part = plane->width != 0,
                              .row_bytes = bytes};
    u->at = plane->data;
    u->end = plane->data + plane->bytes;
    u->block = calloc(2, bytes + 1);
    if (!u->block || inflateInit(&u->z) != Z_OK) {
        free(u->block);
        free(u);
        return NULL;
    }
    u->row = u->block; /* "the row before" of the first: zeros */
    u->above = u->block + bytes + 1;
    return u;
}

void lic_alpha_unpacker_free(lic_alpha_unpacker *u)
{
    if (!u)
        return;
    inflateEnd(&u->z);
    free(u->block);
    free(u);
}

/* Inflates up to `bytes` bytes; Z_OK if these could be had, Z_STREAM_END at the end. */
static int inflate_some(lic_alpha_unpacker *u, uint8_t *to, size_t bytes)
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

static lic_status fail(int result, lic_error *err)
{
    if (result == Z_MEM_ERROR)
        return lic_report_fail(err, LIC_ERR_MEMORY, "no memory to unpack the transparency");
    return lic_report_fail(err, LIC_ERR_CORRUPT, "the transparency in the file is damaged");
}

/* The next row of the plane, in u->row. */
static lic_status next_row(lic_alpha_unpacker *u, lic_error *err)
{
    uint8_t *row = u->above; /* that is no longer needed */
    const int result = inflate_some(u, row, u->row_bytes + 1);
    if ((result != Z_OK && result != Z_STREAM_END) || u->z.avail_out > 0 || row[0] >= N_FILTERS)
        return fail(result, err);
    unfilter_row(row[0], row + 1, u->row + 1, u->row_bytes, u->depth / 8);
    u->above = u->row;
    u->row = row;
    return LIC_OK;
}

lic_status lic_alpha_unpack_row(lic_alpha_unpacker *u, void *samples, lic_error *err)
{
    lic_status status = LIC_OK;
    for (; u->skip > 0 && status == LIC_OK; u->skip--)
        status = next_row(u, err);
    if (status == LIC_OK)
        status = next_row(u, err);
    if (status == LIC_OK)
        from_bytes(u->row + 1 + (size_t)u->x * (u->depth / 8), u->width, u->depth, samples);
    return status;
}

lic_status lic_alpha_unpack_end(lic_alpha_unpacker *u, lic_error *err)
{
    uint8_t more;
    if (u->is_part)
        return LIC_OK;
    const int result = inflate_some(u, &more, 1);
    const bool ended = result == Z_STREAM_END && u->z.avail_out == 1;
    return ended && u->z.avail_in == 0 && u->at == u->end ? LIC_OK : fail(result, err);
}
