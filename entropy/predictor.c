/* predictor.c - see predictor.h. */
#include "entropy/predictor.h"

#include <string.h>

static int32_t clamp(int32_t v, int32_t low, int32_t high)
{
    return v < low ? low : v > high ? high : v;
}

static int32_t size_of(int32_t v)
{
    return v < 0 ? -v : v;
}

static int32_t smaller(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static int32_t larger(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

/* How much a predictor weighs that missed by `missed`. */
static uint32_t inverse(uint32_t missed)
{
    return ((uint32_t)1 << 24) / (missed + 4);
}

void lic_predictor_tables_init(lic_predictor_tables *tables)
{
    for (uint32_t i = 0; i < LIC_SMALL; i++) {
        tables->inverses[i] = inverse(i);
        tables->quarters[i] = (uint8_t)lic_log2_quarters(i);
    }
}

void lic_plane_init(lic_plane *plane, int32_t lowest, int32_t highest, int bits, int n_others,
                    bool slopes)
{
    static const int32_t start[LIC_LANES] = {0, 32768, 0, 0, -32768, 32768, 16384, 0};
    plane->lowest = lowest;
    plane->highest = highest;
    plane->shift = bits > 11 ? bits - 11 : 0;
    plane->n_others = n_others;
    plane->slopes = slopes;
    memset(&plane->taps, 0, sizeof plane->taps);
    memcpy(plane->taps.of, start, sizeof start);
    lic_taps_hold(&plane->taps, LIC_LANES);
    memset(plane->bias, 0, sizeof plane->bias);
}

/* The sample after a and b if they lie on a slope. */
static int32_t go_on(const lic_plane *p, int32_t a, int32_t b)
{
    return clamp(2 * b - a, p->lowest, p->highest);
}

/* Of three neighbours in the row above. */
static void sum_misses(lic_misses *restrict sums, const lic_misses *restrict above, uint32_t width)
{
    for (uint32_t x = 0; x < width; x++, above++)
        for (int i = 0; i < LIC_PREDICTORS; i++)
            sums[x].of[i] = above[-1].of[i] + above[0].of[i] + above[1].of[i];
}

static void sum_errors(int32_t *restrict sums, const int32_t *restrict above,
                       const int32_t *restrict over, uint32_t width)
{
    for (size_t x = 0; x < width; x++, above++)
        sums[x] =
            3 * size_of(above[0]) + size_of(over[x]) + 2 * (size_of(above[-1]) + size_of(above[1]));
}

/* The two samples before a row are its first one's upper neighbour; those after the row above
 * repeat its last. Above the first row, samples are those to the left (see lic_predict). */
void lic_plane_next_row(lic_plane *p, uint32_t y, uint32_t width)
{
    int32_t *last = p->samples[2], *errors = p->errors[2];
    lic_misses *misses = p->misses[1];
    for (int i = 2; i > 0; i--) {
        p->samples[i] = p->samples[i - 1];
        p->errors[i] = p->errors[i - 1];
    }
    p->samples[0] = last;
    p->errors[0] = errors;
    p->misses[1] = p->misses[0];
    p->misses[0] = misses;
    const int32_t first = y ? p->samples[1][0] : 0, edge = p->samples[1][width - 1];
    for (int i = 1; i <= LIC_PLANE_MARGIN; i++) {
        p->samples[0][-i] = p->samples[1][-i] = first;
        p->samples[1][(int)width - 1 + i] = edge;
        p->errors[0][-i] = p->errors[1][-i] = p->errors[1][0];
        p->errors[1][(int)width - 1 + i] = p->errors[1][width - 1];
        p->misses[0][-i] = p->misses[1][-i] = p->misses[1][0];
        p->misses[1][(int)width - 1 + i] = p->misses[1][width - 1];
    }
    if (p->slopes && y > 1)
        p->samples[0][-1] = go_on(p, p->samples[2][0], first);
    sum_misses(p->misses_above, p->misses[1], width);
    sum_errors(p->errors_above, p->errors[1], p->errors[2], width);
    if (y == 1)
        memcpy(p->samples[2] - LIC_PLANE_MARGIN, p->samples[1] - LIC_PLANE_MARGIN,
               (width + 2 * LIC_PLANE_MARGIN) * sizeof *p->samples[2]);
}

/* Above the first row there is the sample to the left; on slopes that which should come now. */
static void pretend_row_above(lic_plane *p, uint32_t x)
{
    const int32_t left = p->samples[0][(int)x - 1];
    for (int i = -1; i <= 1; i++)
        p->samples[1][(int)x + i] = p->samples[2][(int)x + i] = left;
    if (p->slopes && x > 1)
        p->samples[1][x] = p->samples[1][x + 1] = go_on(p, p->samples[0][x - 2], left);
}

/* Median edge detector: the median of w, n and w + n - nw. */
static int32_t median(int32_t w, int32_t n, int32_t nw)
{
    return clamp(w + n - nw, smaller(w, n), larger(w, n));
}

static lic_place place_of(const lic_plane *p, uint32_t x)
{
    return (lic_place){p->samples[0] + x, p->samples[1] + x, p->samples[2] + x};
}

/* The linear predictor's inputs, in the plane and those before it. */
static inline void begin_linear(const lic_plane *p, int n_others, uint32_t x, lic_predicting *w)
{
    lic_place from[3];
    for (int i = 0; i <= n_others; i++) {
        from[i] = place_of(i ? p - n_others + i - 1 : p, x);
        w->base[i] = (from[i].now[-1] + from[i].above[0]) >> 1;
    }
    w->sums = lic_taps_gather(&p->taps, from, w->base, n_others + 1, p->shift, w->inputs);
}

static inline uint32_t missed(const lic_misses *now, const lic_misses *above, int i)
{
    return (uint32_t)(now[-1].of[i] + above->of[i] + (now[-2].of[i] >> 1));
}

static inline uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Each predictor weighs the inverse of its misses to the left and above. Without loops over the
 * four, for which compilers take vectors where they take longer. */
static inline void begin_mix(const lic_plane *p, uint32_t x, lic_predicting *w)
{
    const lic_misses *now = p->misses[0] + x, *above = p->misses_above + x;
    const uint32_t *inverses = p->tables->inverses;
    const uint32_t m0 = missed(now, above, 0), m1 = missed(now, above, 1),
                   m2 = missed(now, above, 2), m3 = missed(now, above, 3);
    const bool small = (m0 | m1 | m2 | m3) < LIC_SMALL;
    const uint32_t w0 = small ? inverses[m0] : inverse(m0), w1 = small ? inverses[m1] : inverse(m1),
                   w2 = small ? inverses[m2] : inverse(m2), w3 = small ? inverses[m3] : inverse(m3);
    w->least = least(least(m0, m1), least(m2, m3));
    w->weights = w0 + w1 + w2 + w3;
    w->weighted = (int64_t)w0 * w->by[0] + (int64_t)w1 * w->by[1] + (int64_t)w2 * w->by[2];
    w->last_weight = w3;
    w->low = smaller(smaller(w->by[0], w->by[1]), w->by[2]);
    w->high = larger(larger(w->by[0], w->by[1]), w->by[2]);
}

static inline void begin(lic_plane *p, int n_others, uint32_t x, lic_predicting *out)
{
    const int32_t *now = p->samples[0] + x, *above = p->samples[1] + x;
    const int32_t *e0 = p->errors[0] + x, *e1 = p->errors[1] + x;
    const int32_t w = now[-1], n = above[0], nw = above[-1], ne = above[1];
    out->by[0] = 8 * n + 3 * (e0[-1] + e1[0] + e1[1]);
    out->by[1] = 8 * w + 3 * (e0[-1] + e1[0] + e1[-1]);
    out->by[2] = 8 * (p->slopes ? clamp(w + n - nw, p->lowest, p->highest) : median(w, n, nw));
    begin_linear(p, n_others, x, out);
    begin_mix(p, x, out);
    const int32_t errors = p->errors_above[x] + 3 * size_of(e0[-1]) + size_of(e0[-2]);
    out->energy = 2 * (uint32_t)errors + out->least / 4;
    out->range =
        (uint32_t)(larger(larger(w, n), larger(nw, ne)) - smaller(smaller(w, n), smaller(nw, ne)));
}

/* The linear prediction, now that the planes before have their samples here. */
static inline int32_t end_linear(const lic_plane *p, int n_others, uint32_t x, lic_predicting *w)
{
    for (int i = 1; i <= n_others; i++) {
        const int32_t d = (p[i - 1 - n_others].samples[0][x] - w->base[i]) >> p->shift;
        w->sums.product += d * p->taps.high[LIC_LANES * i + LIC_LANE_HERE];
        w->sums.norm += d * d;
        w->here[i] = d;
    }
    const int64_t value = 8 * w->base[0] + (int64_t)(w->sums.product >> 10) * (1 << p->shift);
    return value < 8 * p->lowest    ? 8 * p->lowest
           : value > 8 * p->highest ? 8 * p->highest
                                    : (int32_t)value;
}

static inline void end(lic_plane *p, int n_others, uint32_t x, lic_predicting *w,
                       lic_prediction *out)
{
    const int32_t by = end_linear(p, n_others, x, w);
    w->by[LIC_PREDICTORS - 1] = by;
    w->mixed = (int32_t)((w->weighted + (int64_t)w->last_weight * by) / (int64_t)w->weights);
    out->spread = (uint32_t)(larger(w->high, by) - smaller(w->low, by));
    out->energy = w->energy + out->spread / 2;
    out->range = w->range;
    const lic_place place = place_of(p, x);
    out->level = lic_quarters(p->tables, out->energy);
    const unsigned octave = lic_log2_whole_of(out->level);
    w->bias = &p->bias[(octave < 15 ? octave : 15) * 64 + lic_lie_above(&place, w->mixed >> 3)];
    out->value = clamp(w->mixed + (*w->bias >> 5), 8 * p->lowest, 8 * p->highest);
}

/* Coefficients move along the inputs, by a sixteenth of the step that would have been right
 * here. */
static inline void learn(lic_plane *p, int n_others, uint32_t x, lic_predicting *w,
                         const lic_prediction *from, int32_t sample)
{
    p->samples[0][x] = sample;
    p->errors[0][x] = sample - ((from->value + 4) >> 3);
    lic_misses misses;
    for (int i = 0; i < LIC_PREDICTORS; i++)
        misses.of[i] = size_of(8 * sample - w->by[i]);
    p->misses[0][x] = misses;
    *w->bias += 8 * sample - w->mixed - (*w->bias >> 5);
    const int32_t miss = 8 * sample - w->by[LIC_PREDICTORS - 1];
    const int32_t step = clamp(miss >> p->shift, -2048, 2048) * (1 << 17) / (w->sums.norm + 64);
    lic_taps_learn(&p->taps, w->inputs, w->here, n_others + 1, step);
}

/* Does something with the number of planes before as a constant, so that loops over them are
 * unrolled. */
#define WITH_OTHERS(plane, what)                                                                   \
    do {                                                                                           \
        if ((plane)->n_others == 0)                                                                \
            what(0);                                                                               \
        else if ((plane)->n_others == 1)                                                           \
            what(1);                                                                               \
        else                                                                                       \
            what(2);                                                                               \
    } while (0)

void lic_predict_begin(lic_plane *planes, int index, uint32_t x, uint32_t y, lic_predicting *work)
{
    lic_plane *p = &planes[index];
    if (y == 0)
        pretend_row_above(p, x);
#define BEGIN(n) begin(p, n, x, work)
    WITH_OTHERS(p, BEGIN);
}

void lic_predict_end(lic_plane *planes, int index, uint32_t x, lic_predicting *work,
                     lic_prediction *out)
{
    lic_plane *p = &planes[index];
#define END(n) end(p, n, x, work, out)
    WITH_OTHERS(p, END);
}

void lic_predict_learn(lic_plane *p, uint32_t x, lic_predicting *work, const lic_prediction *from,
                       int32_t sample)
{
#define LEARN(n) learn(p, n, x, work, from, sample)
    WITH_OTHERS(p, LEARN);
}

static inline void know(lic_plane *p, int n_others, uint32_t x, uint32_t after, lic_prediction *out)
{
    for (; x < after; x++, out++) {
        lic_predicting work;
        begin(p, n_others, x, &work);
        end(p, n_others, x, &work, out);
        learn(p, n_others, x, &work, out, p->samples[0][x]);
    }
}

void lic_predict_known(lic_plane *planes, int index, uint32_t x, uint32_t after, uint32_t y,
                       lic_prediction *out)
{
    lic_plane *p = &planes[index];
    if (y == 0)
        pretend_row_above(p, x);
#define KNOW(n) know(p, n, x, after, out)
    WITH_OTHERS(p, KNOW);
}

void lic_predict_skip(lic_plane *p, uint32_t x, uint32_t y, int32_t sample)
{
    if (y == 0)
        pretend_row_above(p, x);
    p->samples[0][x] = sample;
    p->errors[0][x] = 0;
    p->misses[0][x] = (lic_misses){{0}};
}
