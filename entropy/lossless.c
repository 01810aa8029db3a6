/* lossless.c - see lossless.h. One loop over rows and pixels for both directions. Memory grows only
 * with the length of the rows. Code that no encoder wrote may bring samples out of range; they are
 * held within it, so that tables and the caller's memory are safe. */
#include "entropy/lossless.h"

#include "entropy/log2.h"
#include "entropy/transform.h"

#include <string.h>

enum { MIN_HASH_BITS = 10, MAX_HASH_BITS = 16, HEAD_BITS = 2 };

/* ---- memory ---- */

static void take_plane(lic_plane *p, lic_arena *arena, size_t width)
{
    const size_t row = width + 2 * LIC_PLANE_MARGIN;
    for (int i = 0; i < 3; i++) {
        int32_t *samples = lic_arena_take(arena, row, sizeof *samples);
        int32_t *errors = lic_arena_take(arena, row, sizeof *errors);
        p->samples[i] = samples ? samples + LIC_PLANE_MARGIN : NULL;
        p->errors[i] = errors ? errors + LIC_PLANE_MARGIN : NULL;
    }
    for (int i = 0; i < 2; i++) {
        lic_misses *misses = lic_arena_take(arena, row, sizeof *misses);
        p->misses[i] = misses ? misses + LIC_PLANE_MARGIN : NULL;
    }
    p->misses_above = lic_arena_take(arena, width, sizeof *p->misses_above);
    p->errors_above = lic_arena_take(arena, width, sizeof *p->errors_above);
}

static unsigned hash_bits(uint32_t width, uint32_t height)
{
    const uint64_t pixels = (uint64_t)width * height;
    unsigned bits = MIN_HASH_BITS;
    while (bits < MAX_HASH_BITS && pixels >> bits > 1)
        bits++;
    return bits;
}

void lic_lossless_take(lic_lossless *l, lic_arena *arena, uint32_t width, uint32_t height,
                       uint32_t channels, uint32_t depth)
{
    l->max_width = width;
    l->channels = channels;
    l->depth = depth;
    l->old_head = false;
    l->mask = NULL;
    l->step = 1;
    l->first_row = 0;
    l->costs = NULL;
    for (uint32_t i = 0; i < channels; i++) {
        take_plane(&l->planes[i], arena, width);
        l->planes[i].tables = &l->predictor_tables;
        l->models[i] = lic_arena_take(arena, 1, sizeof *l->models[i]);
        l->value_of[i] = lic_arena_take(arena, (size_t)1 << depth, sizeof *l->value_of[i]);
        l->number_of[i] = lic_arena_take(arena, (size_t)1 << depth, sizeof *l->number_of[i]);
    }
    l->row = lic_arena_take(arena, width, sizeof *l->row);
    l->repeats = lic_arena_take(arena, 1, sizeof *l->repeats);
    lic_repeats none;
    lic_repeats_take(l->repeats ? l->repeats : &none, arena, width, hash_bits(width, height));
    if (l->row) {
        lic_bit_tables_init(&l->tables);
        lic_predictor_tables_init(&l->predictor_tables);
    }
}

/* For plain samples, to which the coder falls back. */
size_t lic_lossless_room(size_t raster_bytes)
{
    return raster_bytes + raster_bytes / 1024 + 64;
}

void *lic_lossless_refuse_growth(void *user, void *old, size_t old_bytes, size_t new_bytes)
{
    (void)user;
    (void)old;
    (void)old_bytes;
    (void)new_bytes;
    return NULL;
}

static void clear_row(int32_t *row, size_t n)
{
    memset(row - LIC_PLANE_MARGIN, 0, (n + 2 * LIC_PLANE_MARGIN) * sizeof *row);
}

static void init_planes(lic_lossless *l, uint32_t width)
{
    for (uint32_t i = 0; i < l->channels; i++) {
        lic_plane *p = &l->planes[i];
        for (int k = 0; k < 3; k++) {
            clear_row(p->samples[k], width);
            clear_row(p->errors[k], width);
        }
        for (int k = 0; k < 2; k++)
            memset(p->misses[k] - LIC_PLANE_MARGIN, 0,
                   (width + 2 * LIC_PLANE_MARGIN) * sizeof *p->misses[k]);
        const bool difference = l->transform && i > 0 && i < 3;
        const int32_t highest =
            lic_lossless_is_alpha(l, i) ? (int32_t)l->n_values[i] - 1 : l->highest;
        lic_plane_init(p, difference ? -highest : 0, highest, (int)l->depth,
                       lic_lossless_is_alpha(l, i) ? 0 : (int)i, l->choice.slopes);
        lic_residual_init(l->models[i]);
    }
}

/* ---- the head ---- */

/* Codes the distance from one value to the next: how many bits it has, then these bits. */
struct gap_models {
    lic_bit_model bits[17], low[17][32];
};

static uint32_t code_gap(const lic_bit_coder *coder, struct gap_models *m, uint32_t gap)
{
    unsigned n = 0;
    while (n < 16 && !lic_bit_code_plain(coder, gap >> n == 1, &m->bits[n]))
        n++;
    uint32_t got = 1;
    for (unsigned i = n; i-- > 0;)
        got = got << 1 | lic_bit_code_plain(coder, gap >> i & 1, &m->low[n][i]);
    return got;
}

/* Values in rising order. */
static void code_table(lic_lossless *l, const lic_bit_coder *coder, uint32_t channel)
{
    struct gap_models m;
    lic_bit_models_init(m.bits, 17);
    lic_bit_models_init(m.low[0], 17 * 32);
    const uint32_t top = (1u << l->depth) - 1;
    const uint32_t n = 1 + lic_bit_code_raw(coder, l->n_values[channel] - 1, (int)l->depth);
    uint16_t *values = l->value_of[channel];
    uint32_t value = UINT32_MAX; /* one before 0 */
    for (uint32_t i = 0; i < n; i++) {
        value += code_gap(coder, &m, values[i] - value);
        value = value < top ? value : top;
        values[i] = (uint16_t)value;
        l->number_of[channel][value] = (uint16_t)i;
    }
    l->n_values[channel] = n;
}

static void plain_table(lic_lossless *l, uint32_t channel)
{
    l->n_values[channel] = 1u << l->depth;
    for (uint32_t v = 0; v < l->n_values[channel]; v++)
        l->value_of[channel][v] = l->number_of[channel][v] = (uint16_t)v;
}

static void code_head(lic_lossless *l, const lic_bit_coder *coder)
{
    lic_lossless_choice *choice = &l->choice;
    choice->raw = lic_bit_code_raw(coder, choice->raw, 1);
    choice->transform =
        (lic_transform)lic_bit_code_raw(coder, (uint32_t)choice->transform, HEAD_BITS);
    choice->repeats = lic_bit_code_raw(coder, choice->repeats, 1);
    choice->colours = lic_bit_code_raw(coder, choice->colours, 1);
    choice->slopes = !l->old_head && lic_bit_code_raw(coder, choice->slopes, 1);
    l->transform = l->channels < 3 ? LIC_TRANSFORM_NONE : choice->transform;
    l->highest = 0;
    for (uint32_t i = 0; i < l->channels; i++) {
        choice->tables[i] = lic_bit_code_raw(coder, choice->tables[i], 1);
        if (choice->tables[i])
            code_table(l, coder, i);
        else
            plain_table(l, i);
        if (!lic_lossless_is_alpha(l, i) && (int32_t)l->n_values[i] - 1 > l->highest)
            l->highest = (int32_t)l->n_values[i] - 1;
    }
}

/* ---- rows ---- */

static const void *row_of(const lic_raster *r, uint32_t y)
{
    return (const uint8_t *)r->data + y * r->stride_bytes;
}

static void load_row(lic_lossless *l, const lic_raster *from, uint32_t y)
{
    const uint8_t *bytes = row_of(from, y);
    const uint16_t *words = row_of(from, y);
    for (uint32_t x = 0, k = 0; x < from->width; x++) {
        lic_pixel pixel = 0;
        for (uint32_t i = 0; i < from->channels; i++, k++)
            pixel |= (lic_pixel)l->number_of[i][from->depth == 8 ? bytes[k] : words[k]] << 16 * i;
        l->row[x] = pixel;
    }
}

static void store_row(const lic_lossless *l, const lic_raster *to, uint32_t y)
{
    uint8_t *bytes = (uint8_t *)to->data + y * to->stride_bytes;
    uint16_t *words = (uint16_t *)(void *)bytes;
    for (uint32_t x = 0, k = 0; x < to->width; x++)
        for (uint32_t i = 0; i < to->channels; i++, k++) {
            const uint16_t value = l->value_of[i][(uint16_t)(l->row[x] >> 16 * i)];
            if (to->depth == 8)
                bytes[k] = (uint8_t)value;
            else
                words[k] = value;
        }
}

static void pixel_to_samples(const lic_lossless *l, lic_pixel pixel, int32_t v[LIC_MAX_PLANES])
{
    for (uint32_t i = 0; i < l->channels; i++)
        v[i] = (uint16_t)(pixel >> 16 * i);
    if (l->transform)
        lic_transform_forward(l->transform, v);
}

static lic_pixel samples_to_pixel(const lic_lossless *l, int32_t v[LIC_MAX_PLANES])
{
    lic_pixel pixel = 0;
    if (l->transform)
        lic_transform_inverse(l->transform, v);
    for (uint32_t i = 0; i < l->channels; i++) {
        const int32_t top = (int32_t)l->n_values[i] - 1;
        pixel |= (lic_pixel)(v[i] < 0 ? 0 : v[i] > top ? top : v[i]) << 16 * i;
    }
    return pixel;
}

/* Codes pixels x .. end - 1 by prediction. Decoding or in row 0 there is one, and never more than a
 * block has. A pointer to one of two functions: a program that only decodes links no encoder. */
typedef void samples_fn(lic_lossless *l, const lic_bit_coder *coder, uint32_t x, uint32_t end,
                        uint32_t y);

static void decode_samples(lic_lossless *l, const lic_bit_coder *coder, uint32_t x, uint32_t end,
                           uint32_t y)
{
    (void)end;
    int32_t v[LIC_MAX_PLANES] = {0};
    lic_predicting work[LIC_MAX_PLANES];
    for (int i = 0; i < (int)l->channels; i++)
        lic_predict_begin(l->planes, i, x, y, &work[i]);
    for (int i = 0; i < (int)l->channels; i++) {
        lic_plane *plane = &l->planes[i];
        lic_prediction p;
        lic_predict_end(l->planes, i, x, &work[i], &p);
        v[i] = lic_residual_decode(coder, l->models[i], l->planes, i, x, &p);
        v[i] = v[i] < plane->lowest ? plane->lowest : v[i] > plane->highest ? plane->highest : v[i];
        lic_predict_learn(plane, x, &work[i], &p, v[i]);
    }
    l->row[x] = samples_to_pixel(l, v);
}

static void encode_samples(lic_lossless *l, const lic_bit_coder *coder, uint32_t x, uint32_t end,
                           uint32_t y)
{
    lic_prediction p[LIC_MAX_PLANES][LIC_MASK_SIDE];
    for (uint32_t at = x; at < end; at++) {
        int32_t v[LIC_MAX_PLANES];
        pixel_to_samples(l, l->row[at], v);
        for (uint32_t i = 0; i < l->channels; i++)
            l->planes[i].samples[0][at] = v[i];
    }
    for (int i = 0; i < (int)l->channels; i++)
        lic_predict_known(l->planes, i, x, end, y, p[i]);
    for (uint32_t k = 0; k < end - x; k++)
        for (int i = 0; i < (int)l->channels; i++)
            lic_residual_encode(coder, l->models[i], l->planes, i, x + k, &p[i][k]);
}

static void skip_samples(lic_lossless *l, uint32_t x, uint32_t y, lic_pixel pixel)
{
    int32_t v[LIC_MAX_PLANES];
    pixel_to_samples(l, pixel, v);
    for (uint32_t i = 0; i < l->channels; i++)
        lic_predict_skip(&l->planes[i], x, y, v[i]);
}

static lic_pixel code_raw(const lic_lossless *l, const lic_bit_coder *coder, lic_pixel pixel)
{
    lic_pixel got = 0;
    for (uint32_t i = 0; i < l->channels; i++) {
        const uint32_t number = lic_bit_code_raw(coder, (uint16_t)(pixel >> 16 * i), (int)l->depth);
        got |= (lic_pixel)(number < l->n_values[i] ? number : 0) << 16 * i;
    }
    return got;
}

/* Codes pixel x, or as many pixels from there, but not beyond `end`, as can be coded at once.
 * Returns how many. */
static uint32_t code_pixels(lic_lossless *l, const lic_bit_coder *coder, samples_fn *samples,
                            uint32_t y, uint32_t x, uint32_t end)
{
    if (l->choice.raw) {
        l->row[x] = code_raw(l, coder, l->row[x]);
    } else if (!l->choice.repeats) {
        const uint32_t n = coder->enc && y > 0 ? end - x : 1;
        samples(l, coder, x, x + n, y);
        return n;
    } else if (lic_repeats_code(l->repeats, coder, x, y, &l->row[x])) {
        skip_samples(l, x, y, l->row[x]);
    } else {
        samples(l, coder, x, x + 1, y);
        lic_repeats_enter(l->repeats, x, l->row[x]);
    }
    return 1;
}

/* Pixels that are not coded are as the one to the left. */
static void hide_span(lic_lossless *l, uint32_t y, uint32_t x, uint32_t end)
{
    const lic_pixel pixel = x > 0 ? l->row[x - 1] : y > 0 ? l->start : 0;
    for (; x < end; x++) {
        l->row[x] = pixel;
        if (l->choice.raw)
            continue;
        skip_samples(l, x, y, pixel);
        if (l->choice.repeats)
            lic_repeats_skip(l->repeats, x, pixel);
    }
}

/* How much has been written, in 1 / 64 bits; the logarithm is linear between powers of 2. */
static uint64_t position(const lic_range_encoder *encoder)
{
    unsigned n = 0;
    while (encoder->range >> n >> 32 > 0)
        n++;
    const uint64_t rest = (encoder->range >> n) - ((uint64_t)1 << 31); /* below 2^31 */
    return 64 * (8 * (uint64_t)encoder->bytes + 64 - 32 - n) - (rest >> 25);
}

/* A row goes block by block. */
static void code_row(lic_lossless *l, const lic_bit_coder *coder, samples_fn *samples, uint32_t y,
                     uint32_t width)
{
    for (uint32_t i = 0; i < l->channels && !l->choice.raw; i++)
        lic_plane_next_row(&l->planes[i], y, width);
    if (l->choice.repeats && !l->choice.raw)
        lic_repeats_next_row(l->repeats, y, width);
    for (uint32_t x = 0, end; x < width; x = end) {
        end = width - x > LIC_MASK_SIDE ? x + LIC_MASK_SIDE : width;
        const uint64_t before = l->costs ? position(coder->enc) : 0;
        if (!l->mask || lic_mask_shows(l->mask, x, y + l->first_row))
            for (uint32_t at = x; at < end;)
                at += code_pixels(l, coder, samples, y, at, end);
        else
            hide_span(l, y, x, end);
        if (l->costs)
            l->costs[(y >> LIC_MASK_BITS) * lic_mask_blocks(width) + (x >> LIC_MASK_BITS)] +=
                (uint32_t)(position(coder->enc) - before);
    }
    l->start = l->row[0];
}

void lic_lossless_begin_repeats(lic_lossless *l, uint32_t width, uint32_t height, bool colours)
{
    lic_repeats_init(l->repeats, width, hash_bits(width, height), colours);
}

static void begin(lic_lossless *l, const lic_bit_coder *coder, uint32_t width, uint32_t height)
{
    if (l->mask)
        lic_mask_code(l->mask, coder);
    code_head(l, coder);
    init_planes(l, width);
    if (l->choice.repeats)
        lic_lossless_begin_repeats(l, width, height, l->choice.colours);
}

void lic_lossless_encode_as_chosen(lic_lossless *l, lic_range_encoder *encoder,
                                   const lic_raster *from)
{
    const lic_bit_coder coder = {.enc = encoder, .tables = &l->tables};
    begin(l, &coder, from->width, from->height);
    for (uint32_t y = 0; y < from->height; y++) {
        load_row(l, from, y);
        code_row(l, &coder, encode_samples, y, from->width);
    }
}

void lic_lossless_encode(lic_lossless *l, lic_range_encoder *encoder, const lic_raster *from)
{
    const uint64_t bits = (uint64_t)from->width * from->height * from->channels * from->depth;
    uint32_t *costs = l->costs;
    const lic_range_encoder fresh = *encoder;
    l->costs = NULL;
    lic_lossless_choose(l, encoder, from);
    l->costs = costs;
    lic_lossless_encode_as_chosen(l, encoder, from);
    if (!encoder->failed && encoder->bytes <= bits / 8)
        return;
    lic_lossless_restart(encoder, &fresh);
    l->costs = NULL;
    l->choice = (lic_lossless_choice){.raw = true};
    lic_lossless_encode_as_chosen(l, encoder, from);
}

/* Nothing was written before the tile, so no carry can have reached anything there. */
void lic_lossless_restart(lic_range_encoder *encoder, const lic_range_encoder *fresh)
{
    encoder->low = fresh->low;
    encoder->range = fresh->range;
    encoder->bytes = fresh->bytes;
    encoder->failed = fresh->failed;
}

uint32_t lic_lossless_decode(lic_lossless *l, lic_range_decoder *decoder, const lic_raster *to)
{
    const lic_bit_coder coder = {.dec = decoder, .tables = &l->tables};
    begin(l, &coder, to->width, to->height);
    for (uint32_t y = 0; y < to->height; y++) {
        code_row(l, &coder, decode_samples, y, to->width);
        if (decoder->stopped)
            return y;
        store_row(l, to, y);
    }
    return to->height;
}
