/* taps.h - the inner products of the linear predictors of up to four planes, all planes at once.
 *
 * Inputs are differences of samples from a base, in 12 bits and a sign, in pairs of neighbours: of a
 * plane and of the two before it. Last come the samples here of these two, which are not known when
 * the rest is, and are left to the caller. All of it is exact. */
#ifndef LIC_ENTROPY_TAPS_H
#define LIC_ENTROPY_TAPS_H

#include "entropy/lanes.h"

#include <string.h>

enum {
    LIC_PAIR_CROSS, /* W, N */
    LIC_PAIR_CORNERS, /* NW, NE */
    LIC_PAIR_FAR, /* WW, NN */
    LIC_PAIRS_OWN,
    LIC_PAIRS_BEFORE = LIC_PAIRS_OWN, /* the first two of the plane before */
    LIC_PAIRS_TWO_BEFORE = LIC_PAIRS_BEFORE + 2, /* and of the plane before that */
    LIC_PAIR_HERE = LIC_PAIRS_TWO_BEFORE + 2, /* of the plane before; of the one before that */
    LIC_PAIRS,
    LIC_TAP_MOST = 1 << 17
};

typedef struct lic_taps {
    lic_lanes of[LIC_PAIRS][2]; /* in 1 / 65536, within LIC_TAP_MOST */
    lic_lanes high[LIC_PAIRS];  /* pairs: of >> 3 */
} lic_taps;

/* Samples around. */
typedef struct lic_around {
    lic_lanes w, n, nw, ne, ww, nn;
} lic_around;

/* Brings taps that have left their range back. */
static inline void lic_taps_hold(lic_taps *t)
{
    const lic_lanes most = lic_lanes_all(LIC_TAP_MOST);
    for (int i = 0; i < LIC_PAIRS; i++) {
        for (int k = 0; k < 2; k++)
            t->of[i][k] = lic_lanes_clamp(t->of[i][k], -most, most);
        t->high[i] = lic_pairs(t->of[i][0] >> 3, t->of[i][1] >> 3);
    }
}

/* Fills all pairs of inputs but the last. `others` is all ones where planes before are looked at. */
static inline void lic_taps_gather(const lic_around *s, lic_lanes base, int shift, lic_lanes others,
                                   lic_lanes inputs[LIC_PAIRS])
{
    inputs[LIC_PAIR_CROSS] = lic_pairs((s->w - base) >> shift, (s->n - base) >> shift);
    inputs[LIC_PAIR_CORNERS] = lic_pairs((s->nw - base) >> shift, (s->ne - base) >> shift);
    inputs[LIC_PAIR_FAR] = lic_pairs((s->ww - base) >> shift, (s->nn - base) >> shift);
    for (int i = 0; i < 2; i++) {
        inputs[LIC_PAIRS_BEFORE + i] = lic_lanes_before(inputs[i]) & others;
        inputs[LIC_PAIRS_TWO_BEFORE + i] = lic_lanes_two_before(inputs[i]) & others;
    }
}

/* Sums over these pairs: of taps with inputs, and of inputs with themselves. */
static inline lic_lanes lic_taps_product(const lic_taps *t, const lic_lanes inputs[LIC_PAIRS])
{
    lic_lanes sum = lic_pairs_product(inputs[0], t->high[0]);
    for (int i = 1; i < LIC_PAIR_HERE; i++)
        sum += lic_pairs_product(inputs[i], t->high[i]);
    return sum;
}

static inline lic_lanes lic_taps_norm(const lic_lanes inputs[LIC_PAIRS], lic_lanes others)
{
    const lic_lanes near = lic_pairs_product(inputs[LIC_PAIR_CROSS], inputs[LIC_PAIR_CROSS]) +
                           lic_pairs_product(inputs[LIC_PAIR_CORNERS], inputs[LIC_PAIR_CORNERS]);
    return near + lic_pairs_product(inputs[LIC_PAIR_FAR], inputs[LIC_PAIR_FAR]) +
           ((lic_lanes_before(near) + lic_lanes_two_before(near)) & others);
}

/* Each tap moves by step * its input >> 8. The product has up to 25 bits; it is made of the step's
 * lower 15 and its upper ones. A tap is outside its range if the two highest of its eighths' 16 bits
 * differ. */
static inline void lic_taps_learn(lic_taps *t, const lic_lanes inputs[LIC_PAIRS], lic_lanes step)
{
    const lic_lanes low = step & 32767, high = step >> 15 & 0xFFFF;
    lic_lanes outside = lic_lanes_all(0);
    for (int i = 0; i < LIC_PAIRS; i++) {
        const lic_lanes d = inputs[i], *of = t->of[i];
        const lic_lanes a = of[0] + (lic_pairs_product(d, low) >> 8) +
                            (lic_pairs_product(d, high) << 7),
                        b = of[1] + (lic_pairs_product(d, low << 16) >> 8) +
                            (lic_pairs_product(d, high << 16) << 7),
                        eighths = lic_pairs(a >> 3, b >> 3);
        t->of[i][0] = a;
        t->of[i][1] = b;
        t->high[i] = eighths;
        outside |= eighths ^ eighths << 1;
    }
    if (lic_pairs_any_negative(outside))
        lic_taps_hold(t);
}

#endif
