/* predictor.c - see predictor.h. */
#include "entropy/predictor.h"

#include "entropy/log2.h"

#include <string.h>

/* In 1 / 65536: taps of 19 bits and a sign, so that their sum of products fits. */
enum { LIC_TAP_MOST = 1 << 17 };

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

void lic_plane_init(lic_plane *plane, int32_t lowest, int32_t highest, int bits, int n_others,
                    bool slopes)
{
    static const int32_t start[4] = {32768, 32768, -32768, 16384}; /* W, N, NW, NE */
    plane->lowest = lowest;
    plane->highest = highest;
    plane->shift = bits > 11 ? bits - 11 : 0;
    plane->n_others = n_others;
    plane->slopes = slopes;
    memset(plane->taps, 0, sizeof plane->taps);
    memcpy(plane->taps, start, sizeof start);
    memset(plane->bias, 0, sizeof plane->bias);
}

/* The sample after a and b if they lie on a slope. */
static int32_t go_on(const lic_plane *p, int32_t a, int32_t b)
{
    return clamp(2 * b - a, p->lowest, p->highest);
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
    for (uint32_t x = 0; x < width; x++)
        for (int i = 0; i < LIC_PREDICTORS; i++)
            p->misses_above[x].of[i] =
                p->misses[1][(int)x - 1].of[i] + p->misses[1][x].of[i] + p->misses[1][x + 1].of[i];
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

/* Differences of neighbours from the mean of W and N: six in the plane, five in each before. */
static void gather_own(const lic_plane *p, uint32_t x, int32_t base, int32_t *d)
{
    const int32_t *now = p->samples[0] + x, *above = p->samples[1] + x;
    d[0] = now[-1] - base;
    d[1] = above[0] - base;
    d[2] = above[-1] - base;
    d[3] = above[1] - base;
    d[4] = now[-2] - base;
    d[5] = p->samples[2][x] - base;
}

static void gather_other(const lic_plane *p, uint32_t x, int32_t *d)
{
    const int32_t *now = p->samples[0] + x, *above = p->samples[1] + x;
    const int32_t base = (now[-1] + above[0]) >> 1;
    d[0] = now[0] - base;
    d[1] = now[-1] - base;
    d[2] = above[0] - base;
    d[3] = above[-1] - base;
    d[4] = above[1] - base;
}

/* The linear predictor; n_others is a constant where it is called, for loops that unroll. */
static inline int32_t predict_linear(const lic_plane *p, int n_others, uint32_t x,
                                     lic_prediction *out)
{
    const int n = LIC_TAPS_OWN + n_others * LIC_TAPS_OTHER;
    const int32_t base = (p->samples[0][(int)x - 1] + p->samples[1][x]) >> 1;
    int32_t d[LIC_TAPS], sum = 0, norm = 0;
    gather_own(p, x, base, d);
    for (int i = 0; i < n_others; i++)
        gather_other(p - n_others + i, x, d + LIC_TAPS_OWN + i * LIC_TAPS_OTHER);
    for (int i = 0; i < n; i++) {
        d[i] >>= p->shift;
        sum += (p->taps[i] >> 3) * d[i];
        norm += d[i] * d[i];
        out->inputs[i] = d[i];
    }
    out->norm = norm;
    const int64_t value = 8 * base + (int64_t)(sum >> 10) * (1 << p->shift);
    return value < 8 * p->lowest    ? 8 * p->lowest
           : value > 8 * p->highest ? 8 * p->highest
                                    : (int32_t)value;
}

/* Median edge detector: the median of w, n and w + n - nw. */
static int32_t median(int32_t w, int32_t n, int32_t nw)
{
    return clamp(w + n - nw, smaller(w, n), larger(w, n));
}

/* Each predictor weighs the inverse of its misses to the left and above. Sets mixed, spread and
 * returns the least sum of misses. */
static uint32_t mix(const lic_plane *p, uint32_t x, lic_prediction *out)
{
    const lic_misses *now = p->misses[0] + x, *above = p->misses_above + x;
    uint32_t least = UINT32_MAX, weights = 0;
    int64_t sum = 0;
    int32_t low = out->by[0], high = out->by[0];
    for (int i = 0; i < LIC_PREDICTORS; i++) {
        const uint32_t missed = (uint32_t)(now[-1].of[i] + above->of[i] + (now[-2].of[i] >> 1));
        const uint32_t weight = ((uint32_t)1 << 24) / (missed + 4);
        weights += weight;
        sum += (int64_t)weight * out->by[i];
        least = missed < least ? missed : least;
        low = smaller(low, out->by[i]);
        high = larger(high, out->by[i]);
    }
    out->mixed = (int32_t)(sum / (int64_t)weights);
    out->spread = (uint32_t)(high - low);
    return least;
}

/* Which neighbours lie above the prediction, 6 bits. */
static unsigned texture(const int32_t *now, const int32_t *above, int32_t over, int32_t eighths)
{
    return (unsigned)(8 * above[0] > eighths) | (unsigned)(8 * now[-1] > eighths) << 1 |
           (unsigned)(8 * above[-1] > eighths) << 2 | (unsigned)(8 * above[1] > eighths) << 3 |
           (unsigned)(8 * over > eighths) << 4 | (unsigned)(8 * now[-2] > eighths) << 5;
}

void lic_predict(lic_plane *planes, int index, uint32_t x, uint32_t y, lic_prediction *out)
{
    lic_plane *p = &planes[index];
    if (y == 0)
        pretend_row_above(p, x);
    const int32_t *now = p->samples[0] + x, *above = p->samples[1] + x;
    const int32_t *e0 = p->errors[0] + x, *e1 = p->errors[1] + x;
    const int32_t w = now[-1], n = above[0], nw = above[-1], ne = above[1];
    out->by[0] = 8 * n + 3 * (e0[-1] + e1[0] + e1[1]);
    out->by[1] = 8 * w + 3 * (e0[-1] + e1[0] + e1[-1]);
    out->by[2] = 8 * (p->slopes ? clamp(w + n - nw, p->lowest, p->highest) : median(w, n, nw));
    out->by[3] = p->n_others == 0   ? predict_linear(p, 0, x, out)
                 : p->n_others == 1 ? predict_linear(p, 1, x, out)
                                    : predict_linear(p, 2, x, out);
    const uint32_t least = mix(p, x, out);
    const int32_t errors = 3 * (size_of(e0[-1]) + size_of(e1[0])) +
                           2 * (size_of(e1[-1]) + size_of(e1[1])) + size_of(e0[-2]) +
                           size_of(p->errors[2][x]);
    out->energy = 2 * (uint32_t)errors + out->spread / 2 + least / 4;
    out->range =
        (uint32_t)(larger(larger(w, n), larger(nw, ne)) - smaller(smaller(w, n), smaller(nw, ne)));
    const unsigned octave = lic_log2(out->energy);
    out->bias = &p->bias[(octave < 15 ? octave : 15) * 64 +
                         texture(now, above, p->samples[2][x], out->mixed)];
    out->value = clamp(out->mixed + (*out->bias >> 5), 8 * p->lowest, 8 * p->highest);
}

/* Coefficients move along the inputs, by a sixteenth of the step that would have been right
 * here. */
static inline void learn_linear(lic_plane *p, int n_others, const lic_prediction *from,
                                int32_t miss)
{
    const int n = LIC_TAPS_OWN + n_others * LIC_TAPS_OTHER;
    const int32_t step = clamp(miss >> p->shift, -2048, 2048) * (1 << 17) / (from->norm + 64);
    uint32_t outside = 0;
    for (int i = 0; i < n; i++) {
        p->taps[i] += (step * from->inputs[i]) >> 8;
        outside |= (uint32_t)(p->taps[i] + LIC_TAP_MOST);
    }
    for (int i = 0; outside > 2 * LIC_TAP_MOST && i < n; i++)
        p->taps[i] = clamp(p->taps[i], -LIC_TAP_MOST, LIC_TAP_MOST);
}

void lic_predict_learn(lic_plane *p, uint32_t x, const lic_prediction *from, int32_t sample)
{
    p->samples[0][x] = sample;
    p->errors[0][x] = sample - ((from->value + 4) >> 3);
    for (int i = 0; i < LIC_PREDICTORS; i++)
        p->misses[0][x].of[i] = size_of(8 * sample - from->by[i]);
    *from->bias += 8 * sample - from->mixed - (*from->bias >> 5);
    const int32_t miss = 8 * sample - from->by[3];
    if (p->n_others == 0)
        learn_linear(p, 0, from, miss);
    else if (p->n_others == 1)
        learn_linear(p, 1, from, miss);
    else
        learn_linear(p, 2, from, miss);
}

void lic_predict_skip(lic_plane *p, uint32_t x, uint32_t y, int32_t sample)
{
    if (y == 0)
        pretend_row_above(p, x);
    p->samples[0][x] = sample;
    p->errors[0][x] = 0;
    p->misses[0][x] = (lic_misses){{0}};
}
