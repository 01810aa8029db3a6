/* drawn.c - see drawn.h. */
#include "codec/drawn.h"

#include <string.h>

enum {
    SMALL_PIXELS = 128 * 128, /* which take 10 ms without loss */
    FEW_COLOURS = 256,
    SLOTS = 1024 /* of the set of colours, a power of two */
};

/* A set of colours; it is full once it has more than a few. */
typedef struct colour_set {
    uint32_t n;
    bool used[SLOTS];
    uint8_t colours[SLOTS][8]; /* up to four samples of 16 bits */
} colour_set;

static void add(colour_set *set, const uint8_t *pixel, size_t bytes)
{
    uint64_t key = 0;
    memcpy(&key, pixel, bytes);
    uint32_t i = (uint32_t)(key * UINT64_C(0x9E3779B97F4A7C15) >> 54);
    while (set->used[i] && memcmp(set->colours[i], pixel, bytes) != 0)
        i = (i + 1) % SLOTS;
    set->n += !set->used[i];
    set->used[i] = true;
    memcpy(set->colours[i], pixel, bytes);
}

static const uint8_t *row_of(const lic_band *from, int y)
{
    return (const uint8_t *)from->image.data +
           (size_t)(y - from->first_row) * from->image.stride_bytes;
}

static bool has_few_colours(const lic_band *from, lic_area a)
{
    colour_set set = {0};
    const size_t pixel = from->image.channels * (from->image.depth / 8);
    for (int y = a.y0; y < a.y1; y++) {
        const uint8_t *at = row_of(from, y) + (size_t)a.x0 * pixel;
        for (int x = a.x0; x < a.x1; x++, at += pixel) {
            if (x == a.x0 || memcmp(at, at - pixel, pixel) != 0)
                add(&set, at, pixel);
            if (set.n > FEW_COLOURS)
                return false;
        }
    }
    return true;
}

static int32_t sample(const uint8_t *row, size_t i, uint32_t depth)
{
    uint16_t wide;
    if (depth == 8)
        return row[i];
    memcpy(&wide, row + 2 * i, sizeof wide);
    return wide;
}

/* Whether the colours at x > 0 are where the three around them lead. */
static bool goes_on(const lic_image *image, const uint8_t *row, const uint8_t *above, int x)
{
    for (uint32_t i = 0; i < (image->channels < 3 ? 1u : 3u); i++) {
        const size_t at = (size_t)x * image->channels + i, left = at - image->channels;
        if (sample(row, at, image->depth) - sample(row, left, image->depth) !=
            sample(above, at, image->depth) - sample(above, left, image->depth))
            return false;
    }
    return true;
}

uint32_t lic_row_goes_on(const lic_band *from, int x0, int x1, int y)
{
    const lic_image *image = &from->image;
    const size_t pixel = image->channels * (image->depth / 8);
    const size_t colours = (image->channels < 3 ? 1u : 3u) * (image->depth / 8);
    const bool has_above = y > from->first_row;
    const uint8_t *row = row_of(from, y), *above = has_above ? row_of(from, y - 1) : row;
    uint32_t n = 0;
    for (int x = lic_larger(x0, 1); x < x1; x++)
        n += memcmp(row + (size_t)x * pixel, row + (size_t)(x - 1) * pixel, colours) == 0 ||
             (has_above && goes_on(image, row, above, x));
    return n;
}

/* Every fourth row is enough to tell. */
bool lic_looks_drawn(const lic_band *from, lic_area a)
{
    size_t like = 0, n = 0;
    if ((a.x1 - a.x0) * (a.y1 - a.y0) <= SMALL_PIXELS)
        return true;
    for (int y = a.y0; y < a.y1; y += 4, n += (size_t)(a.x1 - a.x0 - 1))
        like += lic_row_goes_on(from, a.x0 + 1, a.x1, y);
    return like * 2 > n || has_few_colours(from, a);
}
