/* shrink.c - see shrink.h. Lengths are counted in a unit such that a pixel of the picture is as
 * long as the result has pixels, and a pixel of the result as long as the picture has pixels. All
 * overlaps are then whole numbers. The largest sum, 65535^2 x 255^2, has 48 bits. */
#include "cli/package/desktop/shrink.h"

#include <stdlib.h>
#include <string.h>

bool lic_shrink_begin(lic_shrink *s, uint32_t from_width, uint32_t from_height, uint32_t channels,
                      uint32_t width, uint32_t height, uint8_t *to, size_t stride_bytes)
{
    *s = (lic_shrink){.from_width = from_width,
                      .from_height = from_height,
                      .width = width,
                      .height = height,
                      .channels = channels,
                      .to = to,
                      .stride_bytes = stride_bytes};
    s->row_sum = calloc((size_t)width * channels, sizeof *s->row_sum);
    s->sum = calloc((size_t)width * channels, sizeof *s->sum);
    return s->row_sum && s->sum;
}

/* Adds a pixel with a weight; colours count by alpha if there is one. */
static void add_pixel(uint64_t *sum, const uint8_t *pixel, uint32_t channels, uint64_t weight)
{
    const uint32_t colours = channels - (channels % 2 == 0);
    const uint64_t by_alpha = colours < channels ? weight * pixel[colours] : weight;
    for (uint32_t i = 0; i < colours; i++)
        sum[i] += by_alpha * pixel[i];
    if (colours < channels)
        sum[colours] += by_alpha;
}

static void sum_row(lic_shrink *s, const uint8_t *row)
{
    const uint64_t length = s->width;                /* of a pixel of the picture */
    uint64_t *at = s->row_sum, left = s->from_width; /* of the pixel of the result */
    memset(s->row_sum, 0, (size_t)s->width * s->channels * sizeof *s->row_sum);
    for (uint32_t x = 0; x < s->from_width; x++, row += s->channels) {
        const uint64_t here = left < length ? left : length;
        add_pixel(at, row, s->channels, here);
        left -= here;
        if (left)
            continue;
        at += s->channels; /* nothing is added after the last one: here == length there */
        left = s->from_width;
        if (here < length) {
            add_pixel(at, row, s->channels, length - here);
            left -= length - here;
        }
    }
}

static void give_row(lic_shrink *s)
{
    const uint32_t colours = s->channels - (s->channels % 2 == 0);
    const uint64_t area = (uint64_t)s->from_width * s->from_height;
    const uint64_t *sum = s->sum;
    uint8_t *to = s->to;
    for (uint32_t x = 0; x < s->width; x++, sum += s->channels, to += s->channels) {
        const uint64_t whole = colours < s->channels ? sum[colours] : area;
        for (uint32_t i = 0; i < colours; i++)
            to[i] = whole ? (uint8_t)((sum[i] + whole / 2) / whole) : 0;
        if (colours < s->channels)
            to[colours] = (uint8_t)((whole + area / 2) / area);
    }
    memset(s->sum, 0, (size_t)s->width * s->channels * sizeof *s->sum);
    s->to += s->stride_bytes;
    s->next++;
}

static void add_row_sum(lic_shrink *s, uint64_t weight)
{
    for (size_t i = 0; i < (size_t)s->width * s->channels; i++)
        s->sum[i] += weight * s->row_sum[i];
}

void lic_shrink_row(lic_shrink *s, const uint8_t *row)
{
    const uint64_t begin = (uint64_t)s->next_from * s->height, length = s->height;
    const uint64_t edge =
        (uint64_t)(s->next + 1) * s->from_height; /* end of the row being summed */
    if (s->next_from == s->from_height)
        return;
    s->next_from++;
    sum_row(s, row);
    const uint64_t here = edge - begin < length ? edge - begin : length;
    add_row_sum(s, here);
    if (begin + here == edge)
        give_row(s);
    if (here < length)
        add_row_sum(s, length - here);
}

bool lic_shrink_end(lic_shrink *s)
{
    const bool done = s->next == s->height;
    free(s->row_sum);
    free(s->sum);
    *s = (lic_shrink){0};
    return done;
}

/* small = side x length / longest, rounded, at least 1. */
static uint32_t scaled(uint32_t length, uint32_t side, uint32_t longest)
{
    const uint64_t small = ((uint64_t)length * side + longest / 2) / longest;
    return small ? (uint32_t)small : 1;
}

void lic_shrink_fit(uint32_t from_width, uint32_t from_height, uint32_t side, uint32_t *width,
                    uint32_t *height)
{
    const uint32_t longest = from_width > from_height ? from_width : from_height;
    *width = longest > side ? scaled(from_width, side, longest) : from_width;
    *height = longest > side ? scaled(from_height, side, longest) : from_height;
}
