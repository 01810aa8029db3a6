/* taps.h - the inner products of the linear predictors of up to four planes, all planes at once.
 *
 * Inputs are differences of samples from a base, in 12 bits and a sign, in pairs of neighbours.
 * Every plane has its own three pairs. Planes 1 and 2 also look at two pairs of the planes before
 * them: lane 1 then has plane 0 for plane 1, lane 2 plane 1 for plane 2, and lane 0, as nothing is
 * before plane 0, plane 0 for plane 2. Last come the samples here of the plane before and of the
 * one before that, which are not known when the rest is. All of it is exact. */
#ifndef LIC_ENTROPY_TAPS_H
#define LIC_ENTROPY_TAPS_H

#include "entropy/lanes.h"

#include <string.h>

enum {
    LIC_PAIR_CROSS,   /* W, N */
    LIC_PAIR_CORNERS, /* NW, NE */
    LIC_PAIR_FAR,     /* WW, NN */
    LIC_PAIRS_OWN,
    LIC_PAIRS_OTHERS = LIC_PAIRS_OWN, /* the first two of other planes */
    LIC_PAIR_HERE = LIC_PAIRS_OTHERS + 2,
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

/* What lanes look at in other planes, as above. */
static inline lic_lanes lic_taps_others(lic_lanes own)
{
    return (lic_lanes){own[0], own[0], own[1], 0};
}

/* Fills the pairs of the planes themselves. */
static inline void lic_taps_gather(const lic_around *s, lic_lanes base, int shift,
                                   lic_lanes inputs[LIC_PAIRS])
{
    inputs[LIC_PAIR_CROSS] = lic_pairs((s->w - base) >> shift, (s->n - base) >> shift);
    inputs[LIC_PAIR_CORNERS] = lic_pairs((s->nw - base) >> shift, (s->ne - base) >> shift);
    inputs[LIC_PAIR_FAR] = lic_pairs((s->ww - base) >> shift, (s->nn - base) >> shift);
}

/* And those of other planes, but the last. `others` is all ones where a plane looks at them. */
static inline void lic_taps_gather_others(lic_lanes others, lic_lanes inputs[LIC_PAIRS])
{
    const lic_lanes seen = {others[2], others[1], others[2], 0};
    for (int i = 0; i < 2; i++)
        inputs[LIC_PAIRS_OTHERS + i] = lic_taps_others(inputs[i]) & seen;
}

static inline lic_lanes lic_taps_product_of(const lic_taps *t, const lic_lanes inputs[LIC_PAIRS],
                                            int i)
{
    return lic_pairs_product(inputs[i], t->high[i]);
}

/* Sums over the pairs of the planes themselves: of taps with inputs, and of inputs with
 * themselves. */
static inline lic_lanes lic_taps_product(const lic_taps *t, const lic_lanes inputs[LIC_PAIRS])
{
    return lic_taps_product_of(t, inputs, LIC_PAIR_CROSS) +
           lic_taps_product_of(t, inputs, LIC_PAIR_CORNERS) +
           lic_taps_product_of(t, inputs, LIC_PAIR_FAR);
}

static inline lic_lanes lic_taps_norm_near(const lic_lanes inputs[LIC_PAIRS])
{
    return lic_pairs_product(inputs[LIC_PAIR_CROSS], inputs[LIC_PAIR_CROSS]) +
           lic_pairs_product(inputs[LIC_PAIR_CORNERS], inputs[LIC_PAIR_CORNERS]);
}

static inline lic_lanes lic_taps_norm(const lic_lanes inputs[LIC_PAIRS])
{
    return lic_taps_norm_near(inputs) +
           lic_pairs_product(inputs[LIC_PAIR_FAR], inputs[LIC_PAIR_FAR]);
}

/* The same over those of other planes. */
static inline lic_lanes lic_taps_product_others(const lic_taps *t,
                                                const lic_lanes inputs[LIC_PAIRS], lic_lanes others)
{
    const lic_lanes other = lic_taps_product_of(t, inputs, LIC_PAIRS_OTHERS) +
                            lic_taps_product_of(t, inputs, LIC_PAIRS_OTHERS + 1);
    return (other + lic_lanes_two_before(other)) & others;
}

static inline lic_lanes lic_taps_norm_others(const lic_lanes inputs[LIC_PAIRS], lic_lanes others)
{
    const lic_lanes near = lic_taps_norm_near(inputs);
    return (lic_lanes_before(near) + lic_lanes_two_before(near)) & others;
}

/* Moves one pair. The product of step and input has up to 25 bits; it is made of the step's lower
 * 15 and its upper ones. Returns pairs that are negative if a tap has left its range: if the two
 * highest of its eighths' 16 bits differ. */
static inline lic_lanes lic_taps_move(lic_taps *t, int i, lic_lanes input, lic_lanes step)
{
    const lic_lanes low = step & 32767, high = step >> 15 & 0xFFFF, *of = t->of[i];
    const lic_lanes a = of[0] + (lic_pairs_product(input, low) >> 8) +
                        (lic_pairs_product(input, high) << 7),
                    b = of[1] + (lic_pairs_product(input, low << 16) >> 8) +
                        (lic_pairs_product(input, high << 16) << 7),
                    eighths = lic_pairs(a >> 3, b >> 3);
    t->of[i][0] = a;
    t->of[i][1] = b;
    t->high[i] = eighths;
    return eighths ^ eighths << 1;
}

/* Each tap moves by step * its input >> 8. Where no plane looks at others, only its own do. */
static inline void lic_taps_learn(lic_taps *t, const lic_lanes inputs[LIC_PAIRS], lic_lanes step,
                                  bool looks)
{
    lic_lanes outside = lic_lanes_all(0);
    for (int i = 0; i < LIC_PAIRS_OWN; i++)
        outside |= lic_taps_move(t, i, inputs[i], step);
    if (looks) {
        const lic_lanes of_others = {step[2], step[1], step[2], 0};
        for (int i = LIC_PAIRS_OTHERS; i < LIC_PAIR_HERE; i++)
            outside |= lic_taps_move(t, i, inputs[i], of_others);
        outside |= lic_taps_move(t, LIC_PAIR_HERE, inputs[LIC_PAIR_HERE], step);
    }
    if (lic_pairs_any_negative(outside))
        lic_taps_hold(t);
}

#endif
