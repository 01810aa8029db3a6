/* predictor.c - see predictor.h. */
#include "entropy/predictor.h"

#include <string.h>

static int32_t clamp(int32_t v, int32_t low, int32_t high)
{
    return v < low ? low : v > high ? high : v;
}

static uint32_t size_of(int32_t v)
{
    return (uint32_t)(v < 0 ? -v : v);
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

static void clear_row(lic_lanes *row, uint32_t width)
{
    memset(row - LIC_PLANE_MARGIN, 0, (width + 2 * LIC_PLANE_MARGIN) * sizeof *row);
}

void lic_predictor_init(lic_predictor *p, uint32_t width, int bits, bool slopes)
{
    for (int i = 0; i < 3; i++) {
        clear_row(p->samples[i], width);
        clear_row(p->errors[i], width);
    }
    for (int i = 0; i < 2; i++)
        memset(p->misses[i] - LIC_PLANE_MARGIN, 0,
               (width + 2 * LIC_PLANE_MARGIN) * sizeof *p->misses[i]);
    p->shift = bits > 11 ? bits - 11 : 0;
    p->slopes = slopes;
    p->looks = p->others[1] || p->others[2];
    memset(&p->taps, 0, sizeof p->taps);
    p->taps.of[LIC_PAIR_CROSS][0] = p->taps.of[LIC_PAIR_CROSS][1] = lic_lanes_all(32768);
    p->taps.of[LIC_PAIR_CORNERS][0] = lic_lanes_all(-32768);
    p->taps.of[LIC_PAIR_CORNERS][1] = lic_lanes_all(16384);
    lic_taps_hold(&p->taps);
    memset(&p->at, 0, sizeof p->at);
    memset(p->bias, 0, sizeof p->bias);
}

/* The samples after a and b if they lie on slopes. */
static lic_lanes go_on(const lic_predictor *p, lic_lanes a, lic_lanes b)
{
    return lic_lanes_clamp(b + b - a, p->lowest, p->highest);
}

/* Of three neighbours in the row above. */
static void sum_misses(lic_misses *sums, const lic_misses *above, uint32_t width)
{
    for (uint32_t x = 0; x < width; x++, above++)
        for (int i = 0; i < LIC_PREDICTORS; i++)
            sums[x].of[i] = above[-1].of[i] + above[0].of[i] + above[1].of[i];
}

static void sum_errors(lic_lanes *sums, const lic_lanes *above, const lic_lanes *over,
                       uint32_t width)
{
    lic_lanes left = lic_lanes_size(above[-1]), here = lic_lanes_size(above[0]);
    for (uint32_t x = 0; x < width; x++) {
        const lic_lanes right = lic_lanes_size(above[x + 1]);
        sums[x] = here + lic_lanes_size(over[x]) + ((left + here + right) << 1);
        left = here;
        here = right;
    }
}

/* The two samples before a row are its first one's upper neighbour; those after the row above
 * repeat its last. Above the first row, samples are those to the left (see pretend_row_above). */
void lic_predictor_next_row(lic_predictor *p, uint32_t y, uint32_t width)
{
    lic_lanes *last = p->samples[2], *errors = p->errors[2];
    lic_misses *misses = p->misses[1];
    for (int i = 2; i > 0; i--) {
        p->samples[i] = p->samples[i - 1];
        p->errors[i] = p->errors[i - 1];
    }
    p->samples[0] = last;
    p->errors[0] = errors;
    p->misses[1] = p->misses[0];
    p->misses[0] = misses;
    const lic_lanes first = y ? p->samples[1][0] : lic_lanes_all(0),
                    edge = p->samples[1][width - 1];
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
static void pretend_row_above(lic_predictor *p, uint32_t x)
{
    const lic_lanes left = p->samples[0][(int)x - 1];
    for (int i = -1; i <= 1; i++)
        p->samples[1][(int)x + i] = p->samples[2][(int)x + i] = left;
    if (p->slopes && x > 1)
        p->samples[1][x] = p->samples[1][x + 1] = go_on(p, p->samples[0][x - 2], left);
}

/* lic_sign of each lane. */
static inline lic_lanes sign_of(lic_lanes v)
{
    const lic_lanes above = v > 0;
    return -((v >> 31) + above + above);
}

/* How far off the prediction may be, and the other contexts. */
static inline void begin_contexts(const lic_predictor *p, uint32_t x, lic_predicting *at)
{
    const lic_around *s = &at->around;
    const lic_lanes *e0 = p->errors[0] + x, *e1 = p->errors[1] + x;
    const lic_lanes *missed = at->missed.of;
    const lic_lanes least = lic_lanes_smaller(lic_lanes_smaller(missed[0], missed[1]),
                                              lic_lanes_smaller(missed[2], missed[3]));
    const lic_lanes left = lic_lanes_size(e0[-1]),
                    errors = p->errors_above[x] + left + left + left + lic_lanes_size(e0[-2]);
    const lic_lanes high = lic_lanes_larger(lic_lanes_larger(s->w, s->n),
                                            lic_lanes_larger(s->nw, s->ne)),
                    low = lic_lanes_smaller(lic_lanes_smaller(s->w, s->n),
                                            lic_lanes_smaller(s->nw, s->ne));
    const lic_lanes of_left = sign_of(e0[-1]);
    at->energy = (errors << 1) + (least >> 2);
    at->range = high - low;
    at->signs = of_left + of_left + of_left + sign_of(e1[0]);
}

/* Samples above and to the left, corrected by errors; the plane through three neighbours, or the
 * median edge detector. */
static inline void begin_simple(const lic_predictor *p, uint32_t x, lic_predicting *at)
{
    const lic_around *s = &at->around;
    const lic_lanes *e1 = p->errors[1] + x;
    const lic_lanes e = p->errors[0][(int)x - 1] + e1[0], above = e + e1[1], beside = e + e1[-1];
    const lic_lanes plane = s->w + s->n - s->nw;
    at->by[0] = (s->n << 3) + above + above + above;
    at->by[1] = (s->w << 3) + beside + beside + beside;
    at->by[2] = (p->slopes ? lic_lanes_clamp(plane, p->lowest, p->highest)
                           : lic_lanes_clamp(plane, lic_lanes_smaller(s->w, s->n),
                                             lic_lanes_larger(s->w, s->n)))
                << 3;
    at->low = lic_lanes_smaller(lic_lanes_smaller(at->by[0], at->by[1]), at->by[2]);
    at->high = lic_lanes_larger(lic_lanes_larger(at->by[0], at->by[1]), at->by[2]);
}

void lic_predict_begin(lic_predictor *p, uint32_t x, uint32_t y)
{
    lic_predicting *at = &p->at;
    if (y == 0)
        pretend_row_above(p, x);
    const lic_lanes *now = p->samples[0] + x, *above = p->samples[1] + x;
    const lic_misses *misses = p->misses[0] + x, *sums = p->misses_above + x;
    at->around = (lic_around){now[-1], above[0], above[-1], above[1], now[-2], p->samples[2][x]};
    for (int i = 0; i < LIC_PREDICTORS; i++)
        at->missed.of[i] = misses[-1].of[i] + sums->of[i] + (misses[-2].of[i] >> 1);
    begin_simple(p, x, at);
    begin_contexts(p, x, at);
    at->base = (at->around.w + at->around.n) >> 1;
    lic_taps_gather(&at->around, at->base, p->shift, at->inputs);
    at->product = lic_taps_product(&p->taps, at->inputs);
    at->norm = lic_taps_norm(at->inputs);
    if (p->looks) {
        lic_taps_gather_others(p->others, at->inputs);
        at->product += lic_taps_product_others(&p->taps, at->inputs, p->others);
        at->norm += lic_taps_norm_others(at->inputs, p->others);
    }
}

/* The linear prediction, now that the planes before have their samples here. */
static inline int32_t end_linear(const lic_predictor *p, int i, lic_predicting *at)
{
    const int32_t before = at->here[1 + i] & p->others[i], two = at->here[i] & p->others[i];
    const int32_t product = at->product[i] + before * (p->taps.of[LIC_PAIR_HERE][0][i] >> 3) +
                            two * (p->taps.of[LIC_PAIR_HERE][1][i] >> 3);
    const int32_t value = 8 * at->base[i] + (product >> 10) * (1 << p->shift);
    at->norms[i] = at->norm[i] + before * before + two * two;
    return clamp(value, 8 * p->lowest[i], 8 * p->highest[i]);
}

/* Each predictor weighs the inverse of its misses to the left and above. */
static inline int32_t mix(const lic_predictor *p, int i, const lic_predicting *at)
{
    const uint32_t *inverses = p->tables->inverses;
    const uint32_t m0 = (uint32_t)at->missed.of[0][i], m1 = (uint32_t)at->missed.of[1][i],
                   m2 = (uint32_t)at->missed.of[2][i], m3 = (uint32_t)at->missed.of[3][i];
    const bool small = (m0 | m1 | m2 | m3) < LIC_SMALL;
    const uint32_t w0 = small ? inverses[m0] : inverse(m0), w1 = small ? inverses[m1] : inverse(m1),
                   w2 = small ? inverses[m2] : inverse(m2), w3 = small ? inverses[m3] : inverse(m3);
    const int64_t sum = (int64_t)w0 * at->by[0][i] + (int64_t)w1 * at->by[1][i] +
                        (int64_t)w2 * at->by[2][i] + (int64_t)w3 * at->linear[i];
    return (int32_t)(sum / (int64_t)(w0 + w1 + w2 + w3));
}

/* Which of WW, W, NN, NW, N, NE lie above v, a bit for each. */
static inline unsigned lie_above(const lic_around *s, int i, int32_t v)
{
    return (unsigned)(s->ww[i] > v) | (unsigned)(s->w[i] > v) << 1 | (unsigned)(s->nn[i] > v) << 2 |
           (unsigned)(s->nw[i] > v) << 3 | (unsigned)(s->n[i] > v) << 4 |
           (unsigned)(s->ne[i] > v) << 5;
}

void lic_predict_end(lic_predictor *p, int i, lic_prediction *out)
{
    lic_predicting *at = &p->at;
    const int32_t by = end_linear(p, i, at), error = at->error[1 + i];
    at->linear[i] = by;
    at->mixed[i] = mix(p, i, at);
    const uint32_t spread =
        (uint32_t)((at->high[i] > by ? at->high[i] : by) - (at->low[i] < by ? at->low[i] : by));
    out->level = lic_quarters(p->tables, (uint32_t)at->energy[i] + spread / 2);
    out->other = spread;
    out->sign = 0;
    if (p->others[i]) {
        out->other = (size_of(error) << (i > 1)) + size_of(at->error[i]);
        out->sign = lic_sign(error);
    }
    out->range = (uint32_t)at->range[i];
    out->signs = (unsigned)at->signs[i];
    const unsigned octave = lic_log2_whole_of(out->level),
                   place = lie_above(&at->around, i, at->mixed[i] >> 3);
    at->bias[i] = &p->bias[i][(octave < 15 ? octave : 15) * 64 + place];
    out->value = clamp(at->mixed[i] + (*at->bias[i] >> 5), 8 * p->lowest[i], 8 * p->highest[i]);
}

/* Coefficients will move along the inputs, by a sixteenth of the step that would have been right
 * here. */
void lic_predict_enter(lic_predictor *p, int i, const lic_prediction *from, int32_t sample)
{
    lic_predicting *at = &p->at;
    at->sample[i] = sample;
    at->error[2 + i] = sample - ((from->value + 4) >> 3);
    at->here[2 + i] = (sample - at->base[i]) >> p->shift;
    *at->bias[i] += 8 * sample - at->mixed[i] - (*at->bias[i] >> 5);
    const int32_t miss = (8 * sample - at->linear[i]) >> p->shift;
    at->step[i] = clamp(miss, -2048, 2048) * (1 << 17) / (at->norms[i] + 64);
}

void lic_predict_learn(lic_predictor *p, uint32_t x)
{
    lic_predicting *at = &p->at;
    const lic_lanes sample = lic_lanes_of(at->sample), eighths = sample << 3;
    const lic_lanes here = lic_lanes_of(at->here + 2);
    p->samples[0][x] = sample;
    p->errors[0][x] = lic_lanes_of(at->error + 2);
    for (int i = 0; i < LIC_PREDICTORS - 1; i++)
        p->misses[0][x].of[i] = lic_lanes_size(eighths - at->by[i]);
    p->misses[0][x].of[LIC_PREDICTORS - 1] = lic_lanes_size(eighths - lic_lanes_of(at->linear));
    at->inputs[LIC_PAIR_HERE] =
        lic_pairs(lic_lanes_before(here), lic_lanes_two_before(here)) & p->others;
    lic_taps_learn(&p->taps, at->inputs, lic_lanes_of(at->step), p->looks);
}

void lic_predict_known(lic_predictor *p, uint32_t x, uint32_t after, uint32_t y,
                       lic_prediction (*predictions)[LIC_MAX_PLANES])
{
    for (; x < after; x++, predictions++) {
        lic_predict_begin(p, x, y);
        for (int i = 0; i < p->n_planes; i++) {
            lic_predict_end(p, i, &(*predictions)[i]);
            lic_predict_enter(p, i, &(*predictions)[i], p->samples[0][x][i]);
        }
        lic_predict_learn(p, x);
    }
}

void lic_predict_skip(lic_predictor *p, uint32_t x, uint32_t y, lic_lanes samples)
{
    if (y == 0)
        pretend_row_above(p, x);
    p->samples[0][x] = samples;
    p->errors[0][x] = lic_lanes_all(0);
    memset(&p->misses[0][x], 0, sizeof p->misses[0][x]);
}
