/* lossless.c - see lossless.h. One loop over rows and pixels for both directions. Memory grows only
 * with the length of the rows. Code that no encoder wrote may bring samples out of range; they are
 * held within it, so that tables and the caller's memory are safe. */
#include "entropy/lossless.h"

#include "entropy/log2.h"
#include "entropy/transform.h"

#include <string.h>

enum { MIN_HASH_BITS = 10, MAX_HASH_BITS = 16 };

/* ---- memory ---- */

static lic_lanes *take_row(lic_arena *arena, size_t width)
{
    lic_lanes *row = lic_arena_take(arena, width + 2 * LIC_PLANE_MARGIN, sizeof *row);
    return row ? row + LIC_PLANE_MARGIN : NULL;
}

static void take_predictor(lic_predictor *p, lic_arena *arena, size_t width)
{
    for (int i = 0; i < 3; i++) {
        p->samples[i] = take_row(arena, width);
        p->errors[i] = take_row(arena, width);
    }
    for (int i = 0; i < 2; i++) {
        lic_misses *misses = lic_arena_take(arena, width + 2 * LIC_PLANE_MARGIN, sizeof *misses);
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
        l->models[i] = lic_arena_take(arena, 1, sizeof *l->models[i]);
        l->value_of[i] = lic_arena_take(arena, (size_t)1 << depth, sizeof *l->value_of[i]);
        l->number_of[i] = lic_arena_take(arena, (size_t)1 << depth, sizeof *l->number_of[i]);
    }
    take_predictor(&l->predictor, arena, width);
    l->predictor.tables = &l->predictor_tables;
    l->predictor.n_planes = (int)channels;
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

static void init_predictor(lic_lossless *l, uint32_t width)
{
    lic_predictor *p = &l->predictor;
    p->lowest = p->highest = p->others = lic_lanes_all(0);
    for (uint32_t i = 0; i < l->channels; i++) {
        const bool alpha = lic_lossless_is_alpha(l, i), difference = l->transform && i > 0 && i < 3;
        p->highest[i] = alpha ? (int32_t)l->n_values[i] - 1 : l->highest;
        p->lowest[i] = difference ? -p->highest[i] : 0;
        p->others[i] = -(int32_t)(i > 0 && !alpha);
        lic_residual_init(l->models[i]);
    }
    lic_predictor_init(p, width, (int)l->depth, l->choice.slopes);
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

static lic_lanes pixel_to_samples(const lic_lossless *l, lic_pixel pixel)
{
    int32_t v[LIC_MAX_PLANES];
    for (uint32_t i = 0; i < LIC_MAX_PLANES; i++)
        v[i] = (uint16_t)(pixel >> 16 * i);
    if (l->transform)
        lic_transform_forward(l->transform, v);
    return lic_lanes_of(v);
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
    lic_predictor *predictor = &l->predictor;
    lic_predict_begin(predictor, x, y);
    for (int i = 0; i < (int)l->channels; i++) {
        const int32_t lowest = predictor->lowest[i], highest = predictor->highest[i];
        lic_prediction p;
        lic_predict_end(predictor, i, &p);
        const int32_t got = lic_residual_decode(coder, l->models[i], predictor->tables, &p);
        v[i] = got < lowest ? lowest : got > highest ? highest : got;
        lic_predict_enter(predictor, i, &p, v[i]);
    }
    lic_predict_learn(predictor, x);
    l->row[x] = samples_to_pixel(l, v);
}

static void encode_samples(lic_lossless *l, const lic_bit_coder *coder, uint32_t x, uint32_t end,
                           uint32_t y)
{
    lic_prediction p[LIC_MASK_SIDE][LIC_MAX_PLANES];
    lic_predictor *predictor = &l->predictor;
    for (uint32_t at = x; at < end; at++)
        predictor->samples[0][at] = pixel_to_samples(l, l->row[at]);
    lic_predict_known(predictor, x, end, y, p);
    for (uint32_t at = x; at < end; at++)
        for (uint32_t i = 0; i < l->channels; i++)
            lic_residual_encode(coder, l->models[i], predictor->tables, &p[at - x][i],
                                predictor->errors[0][at][i]);
}

static void skip_samples(lic_lossless *l, uint32_t x, uint32_t y, lic_pixel pixel)
{
    lic_predict_skip(&l->predictor, x, y, pixel_to_samples(l, pixel));
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
    if (!l->choice.raw)
        lic_predictor_next_row(&l->predictor, y, width);
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
    lic_lossless_code_head(l, coder);
    init_predictor(l, width);
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
