/* lossless_choice.c - what an encoder of lossless.h chooses by looking at its raster. */
#include "entropy/lossless.h"
#include "entropy/transform.h"

#include <string.h>

enum {
    COLOUR_SLOTS = 1024, /* of the set in which colours are counted */
    FEW_COLOURS = 32,
    TRIAL_ROWS = 48,
    LOOK_ROWS = 24,         /* of these */
    SEARCH_PIXELS = 64 * 64 /* of rasters for which all is tried: each trial takes 1 to 2 ms */
};

typedef struct statistics {
    uint64_t like_left_or_above; /* pixels */
    uint64_t cost[LIC_TRANSFORMS];
    uint64_t median, plane; /* misses of these predictors */
    uint32_t n_colours;     /* at most LIC_COLOURS + 1 */
    lic_pixel colours[COLOUR_SLOTS];
    bool used[COLOUR_SLOTS];
} statistics;

static void count_colour(statistics *s, lic_pixel pixel)
{
    uint32_t i = (uint32_t)(pixel * UINT64_C(0x9E3779B97F4A7C15) >> 54);
    if (s->n_colours > LIC_COLOURS)
        return;
    while (s->used[i] && s->colours[i] != pixel)
        i = (i + 1) % COLOUR_SLOTS;
    s->n_colours += !s->used[i];
    s->used[i] = true;
    s->colours[i] = pixel;
}

static lic_pixel pixel_at(const lic_raster *r, uint32_t x, uint32_t y)
{
    lic_pixel p = 0;
    for (uint32_t i = 0; i < r->channels; i++)
        p |= (lic_pixel)lic_raster_sample(r, x, y, i) << 16 * i;
    return p;
}

/* How far a pixel is from its left and upper neighbour's plane, after each transform. */
static void add_costs(statistics *s, const lic_raster *r, uint32_t x, uint32_t y)
{
    int32_t from[4][3];
    for (uint32_t k = 0; k < 4; k++)
        for (uint32_t i = 0; i < 3; i++)
            from[k][i] = (int32_t)lic_raster_sample(r, x - k % 2, y - k / 2, i);
    for (int t = 0; t < LIC_TRANSFORMS; t++) {
        int32_t v[4][3];
        memcpy(v, from, sizeof v);
        for (int k = 0; k < 4; k++)
            lic_transform_forward((lic_transform)t, v[k]);
        for (int i = 0; i < 3; i++) {
            const int32_t d = v[0][i] - v[1][i] - v[2][i] + v[3][i];
            s->cost[t] += (uint64_t)(d < 0 ? -d : d);
        }
    }
}

/* How far two ways to predict a pixel are off. */
static void add_misses(statistics *s, const lic_raster *r, uint32_t x, uint32_t y)
{
    for (uint32_t i = 0; i < r->channels; i++) {
        const int32_t now = (int32_t)lic_raster_sample(r, x, y, i),
                      w = (int32_t)lic_raster_sample(r, x - 1, y, i),
                      n = (int32_t)lic_raster_sample(r, x, y - 1, i),
                      nw = (int32_t)lic_raster_sample(r, x - 1, y - 1, i);
        const int32_t low = w < n ? w : n, high = w < n ? n : w, plane = w + n - nw,
                      median = plane < low    ? low
                               : plane > high ? high
                                              : plane;
        s->plane += (uint64_t)(plane > now ? plane - now : now - plane);
        s->median += (uint64_t)(median > now ? median - now : now - median);
    }
}

/* Whether all values of a channel that may occur are known: all of them are numbered then, so that
 * equal values of two channels have equal numbers. */
static bool is_stepped(const lic_lossless *l, uint32_t channel)
{
    return l->step > 1 && !lic_lossless_is_alpha(l, channel);
}

/* Marks the values of each channel that occur. */
static void mark_values(lic_lossless *l, const lic_raster *r)
{
    const uint32_t top = (1u << r->depth) - 1;
    for (uint32_t i = 0; i < r->channels; i++) {
        memset(l->number_of[i], 0, sizeof(uint16_t) << r->depth);
        for (uint32_t v = 0; is_stepped(l, i) && v < top; v += l->step)
            l->number_of[i][v] = 1;
        l->number_of[i][top] = is_stepped(l, i);
    }
    for (uint32_t y = 0; y < r->height; y++)
        for (uint32_t x = 0; x < r->width; x++)
            for (uint32_t i = 0; i < r->channels; i++)
                l->number_of[i][lic_raster_sample(r, x, y, i)] = 1;
}

static void look(lic_lossless *l, const lic_raster *r, statistics *s)
{
    memset(s, 0, sizeof *s);
    mark_values(l, r);
    for (uint32_t y = 0; y < r->height; y++) {
        lic_pixel left = 0;
        for (uint32_t x = 0; x < r->width; x++) {
            const lic_pixel p = pixel_at(r, x, y), above = l->row[x];
            l->row[x] = p;
            if ((x > 0 && p == left) || (y > 0 && p == above))
                s->like_left_or_above++;
            if (x == 0 || p != left)
                count_colour(s, p);
            if (x > 0 && y > 0 && (x + 3 * y) % 8 == 0) {
                add_misses(s, r, x, y);
                if (r->channels >= 3)
                    add_costs(s, r, x, y);
            }
            left = p;
        }
    }
}

/* Numbers the values that are marked. Returns how many there are. */
static uint32_t number_values(lic_lossless *l, uint32_t channel)
{
    uint32_t n = 0;
    for (uint32_t v = 0; v < 1u << l->depth; v++)
        if (l->number_of[channel][v])
            l->value_of[channel][n++] = (uint16_t)v;
    l->n_values[channel] = n;
    return n;
}

/* Whether numbering a channel's values is worth it. */
static bool choose_table(lic_lossless *l, uint32_t channel, uint64_t pixels)
{
    const uint32_t n = number_values(l, channel);
    return is_stepped(l, channel) ||
           (n <= 1u << (l->depth - 1) && (n <= 16 || (uint64_t)n * 8 <= pixels));
}

/* Some rows in the middle. */
static lic_raster part_of(const lic_raster *r, uint32_t *first_row)
{
    lic_raster part = *r;
    part.height = r->height < TRIAL_ROWS ? r->height : TRIAL_ROWS;
    *first_row = (r->height - part.height) / 2;
    part.data = (uint8_t *)r->data + *first_row * r->stride_bytes;
    return part;
}

/* Whether enough pixels of that part's first rows repeat what was seen before for a trial to be
 * worth its time: one in six. Where repeats win, it is nearly one in five or more. */
static bool may_repeat(lic_lossless *l, const lic_raster *r)
{
    uint32_t first_row;
    uint64_t sum = 0;
    lic_raster part = part_of(r, &first_row);
    part.height = part.height < LOOK_ROWS ? part.height : LOOK_ROWS;
    lic_lossless_begin_repeats(l, part.width, part.height, false);
    for (uint32_t y = 0; y < part.height; y++) {
        lic_repeats_next_row(l->repeats, y, part.width);
        for (uint32_t x = 0; x < part.width; x++)
            sum += lic_repeats_see(l->repeats, x, y, pixel_at(&part, x, y));
    }
    return sum * 6 >= (uint64_t)part.width * part.height;
}

/* The cost of that part. */
static size_t try_part(lic_lossless *l, lic_range_encoder *encoder, const lic_raster *r,
                       bool repeats, bool colours)
{
    const lic_range_encoder fresh = *encoder;
    const lic_raster part = part_of(r, &l->first_row);
    l->choice.repeats = repeats;
    l->choice.colours = colours;
    lic_lossless_encode_as_chosen(l, encoder, &part);
    l->first_row = 0;
    const size_t bytes = encoder->failed ? SIZE_MAX : encoder->bytes;
    lic_lossless_restart(encoder, &fresh);
    return bytes;
}

/* Most drawn pictures show by their number of colours. If most pixels differ from their neighbours,
 * a trial decides. Repeats make photographs take half as long again, so they must win it. */
static void choose_repeats(lic_lossless *l, lic_range_encoder *encoder, const lic_raster *r,
                           const statistics *s)
{
    const uint64_t pixels = (uint64_t)r->width * r->height;
    const bool colours = s->n_colours <= LIC_COLOURS;
    bool repeats = s->like_left_or_above * 2 > pixels || s->n_colours <= FEW_COLOURS;
    if (!repeats && may_repeat(l, r)) {
        const size_t without = try_part(l, encoder, r, false, false);
        repeats = try_part(l, encoder, r, true, colours) < without - without / 32;
    }
    l->choice.repeats = repeats;
    l->choice.colours = repeats && colours;
}

/* Coding with fewer tables has overwritten them. */
static void set_choice(lic_lossless *l, const lic_raster *r, lic_lossless_choice choice)
{
    mark_values(l, r);
    for (uint32_t i = 0; i < r->channels; i++)
        number_values(l, i);
    l->choice = choice;
}

/* The bits of a whole raster coded as `choice` has it. */
static uint64_t try_choice(lic_lossless *l, lic_range_encoder *encoder, const lic_raster *r,
                           lic_lossless_choice choice)
{
    const lic_range_encoder fresh = *encoder;
    set_choice(l, r, choice);
    lic_lossless_encode_as_chosen(l, encoder, r);
    uint64_t bits = 8 * (uint64_t)encoder->bytes;
    for (uint64_t range = encoder->range; range < (uint64_t)1 << 63; range <<= 1)
        bits++;
    bits = encoder->failed ? UINT64_MAX : bits;
    lic_lossless_restart(encoder, &fresh);
    return bits;
}

static void keep_better(lic_lossless *l, lic_range_encoder *encoder, const lic_raster *r,
                        lic_lossless_choice other, lic_lossless_choice *best, uint64_t *least)
{
    const uint64_t bits = try_choice(l, encoder, r, other);
    if (bits < *least) {
        *best = other;
        *least = bits;
    }
}

/* Varies one choice after the other, starting with what is chosen already. */
static void search(lic_lossless *l, lic_range_encoder *encoder, const lic_raster *r)
{
    lic_lossless_choice best = l->choice, other = best;
    uint64_t least = try_choice(l, encoder, r, best);
    other.slopes = !best.slopes;
    keep_better(l, encoder, r, other, &best, &least);
    other = best;
    for (uint32_t i = 0; i < r->channels; i++)
        other.tables[i] = !best.tables[0];
    keep_better(l, encoder, r, other, &best, &least);
    for (int t = 0; r->channels >= 3 && t < LIC_TRANSFORMS; t++) {
        other = best;
        other.transform = (lic_transform)t;
        keep_better(l, encoder, r, other, &best, &least);
    }
    for (int kind = 0; kind < 3; kind++) {
        other = best;
        other.repeats = kind > 0;
        other.colours = kind > 1;
        keep_better(l, encoder, r, other, &best, &least);
    }
    set_choice(l, r, best);
}

void lic_lossless_choose(lic_lossless *l, lic_range_encoder *encoder, const lic_raster *r)
{
    statistics s;
    const uint64_t pixels = (uint64_t)r->width * r->height;
    l->choice = (lic_lossless_choice){0};
    look(l, r, &s);
    if (r->channels >= 3)
        for (int t = 1; t < LIC_TRANSFORMS; t++)
            if (s.cost[t] < s.cost[l->choice.transform])
                l->choice.transform = (lic_transform)t;
    for (uint32_t i = 0; i < r->channels; i++)
        l->choice.tables[i] = choose_table(l, i, pixels);
    l->choice.slopes = s.plane * 2 < s.median;
    choose_repeats(l, encoder, r, &s);
    if (pixels <= SEARCH_PIXELS)
        search(l, encoder, r);
}
