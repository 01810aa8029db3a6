/* taps.h - the inner products of the linear predictor, eight neighbours at a time: SSE2 on x86-64,
 * where it is always there, loops elsewhere. All of it is exact, so that both give the same.
 *
 * Inputs are differences of samples from a base, in 12 bits and a sign. Lanes of a plane are WW, W,
 * NN, -, NW, N, NE, -; of a plane before it -, W, the sample here, -, NW, N, NE, -. The others are
 * 0. The sample here is not known when the rest is, and is left to the caller. */
#ifndef LIC_ENTROPY_TAPS_H
#define LIC_ENTROPY_TAPS_H

#include <stdint.h>
#include <string.h>

enum { LIC_LANES = 8, LIC_LANE_HERE = 2, LIC_TAP_MOST = 1 << 17 };

/* Of a plane and two others. */
typedef struct lic_taps {
    int32_t of[3 * LIC_LANES];   /* in 1 / 65536, within LIC_TAP_MOST */
    int16_t high[3 * LIC_LANES]; /* of >> 3 */
} lic_taps;

typedef struct lic_tap_sums {
    int32_t product, norm; /* of taps with inputs; of inputs with themselves */
} lic_tap_sums;

/* Samples at x: of this row, the one above, and the one above that. */
typedef struct lic_place {
    const int32_t *now, *above, *over;
} lic_place;

/* Brings taps that have left their range back. */
static inline void lic_taps_hold(lic_taps *t, int n)
{
    for (int i = 0; i < n; i++) {
        const int32_t v = t->of[i];
        t->of[i] = v > LIC_TAP_MOST ? LIC_TAP_MOST : v < -LIC_TAP_MOST ? -LIC_TAP_MOST : v;
        t->high[i] = (int16_t)(t->of[i] >> 3);
    }
}

#if defined(__SSE2__)
#include <emmintrin.h>

static inline __m128i lic_load_words(const void *at)
{
    return _mm_loadu_si128((const __m128i *)at);
}

/* Fills n * 8 inputs, the plane's own first, and sums them up. base[i] is for eight i. */
static inline lic_tap_sums lic_taps_gather(const lic_taps *t, const lic_place *from,
                                           const int32_t *base, int n, int shift, int16_t *inputs)
{
    const __m128i own = _mm_set_epi16(0, -1, -1, -1, 0, -1, -1, -1);
    const __m128i other = _mm_set_epi16(0, -1, -1, -1, 0, 0, -1, 0);
    const __m128i by = _mm_cvtsi32_si128(shift);
    __m128i product = _mm_setzero_si128(), squares = product;
    for (int i = 0; i < n; i++) {
        const lic_place *p = &from[i];
        const __m128i middle = _mm_set1_epi32(base[i]);
        const __m128i now =
            i ? lic_load_words(p->now - 2) : _mm_setr_epi32(p->now[-2], p->now[-1], p->over[0], 0);
        const __m128i above = lic_load_words(p->above - 1);
        const __m128i d =
            _mm_and_si128(_mm_packs_epi32(_mm_sra_epi32(_mm_sub_epi32(now, middle), by),
                                          _mm_sra_epi32(_mm_sub_epi32(above, middle), by)),
                          i ? other : own);
        _mm_storeu_si128((__m128i *)(void *)(inputs + LIC_LANES * i), d);
        product =
            _mm_add_epi32(product, _mm_madd_epi16(d, lic_load_words(t->high + LIC_LANES * i)));
        squares = _mm_add_epi32(squares, _mm_madd_epi16(d, d));
    }
    __m128i both =
        _mm_add_epi32(_mm_unpacklo_epi32(product, squares), _mm_unpackhi_epi32(product, squares));
    both = _mm_add_epi32(both, _mm_shuffle_epi32(both, 0x4E));
    return (lic_tap_sums){_mm_cvtsi128_si32(both),
                          _mm_cvtsi128_si32(_mm_shuffle_epi32(both, 0x55))};
}

/* Each tap moves by step * its input >> 8; here[i] is the sample here for eight i > 0. The product
 * has up to 25 bits; it is made of the step's lower 15 and its upper ones. */
static inline void lic_taps_learn(lic_taps *t, const int16_t *inputs, const int32_t *here, int n,
                                  int32_t step)
{
    const __m128i low = _mm_set1_epi16((int16_t)(step & 32767)),
                  high = _mm_set1_epi16((int16_t)(step >> 15)), zero = _mm_setzero_si128();
    __m128i outside = zero;
    for (int i = 0; i < n; i++) {
        __m128i *at = (__m128i *)(void *)(t->of + LIC_LANES * i);
        __m128i d = lic_load_words(inputs + LIC_LANES * i);
        if (i > 0)
            d = _mm_or_si128(d, _mm_slli_si128(_mm_cvtsi32_si128(here[i] & 0xFFFF),
                                               LIC_LANE_HERE * (int)sizeof *inputs));
        const __m128i l = _mm_mullo_epi16(d, low), m = _mm_mulhi_epi16(d, low),
                      h = _mm_mullo_epi16(d, high);
        const __m128i a =
            _mm_add_epi32(_mm_add_epi32(_mm_srai_epi32(_mm_unpacklo_epi16(l, m), 8),
                                        _mm_srai_epi32(_mm_unpacklo_epi16(zero, h), 9)),
                          _mm_loadu_si128(at));
        const __m128i b =
            _mm_add_epi32(_mm_add_epi32(_mm_srai_epi32(_mm_unpackhi_epi16(l, m), 8),
                                        _mm_srai_epi32(_mm_unpackhi_epi16(zero, h), 9)),
                          _mm_loadu_si128(at + 1));
        const __m128i eighths = _mm_packs_epi32(_mm_srai_epi32(a, 3), _mm_srai_epi32(b, 3));
        _mm_storeu_si128(at, a);
        _mm_storeu_si128(at + 1, b);
        _mm_storeu_si128((__m128i *)(void *)(t->high + LIC_LANES * i), eighths);
        outside = _mm_or_si128(
            outside, _mm_or_si128(_mm_cmpgt_epi16(eighths, _mm_set1_epi16(LIC_TAP_MOST / 8 - 1)),
                                  _mm_cmplt_epi16(eighths, _mm_set1_epi16(-LIC_TAP_MOST / 8))));
    }
    if (_mm_movemask_epi8(outside))
        lic_taps_hold(t, LIC_LANES * n);
}

/* Which of WW, W, NN, NW, N, NE lie above v, a bit for each. */
static inline unsigned lic_lie_above(const lic_place *p, int32_t v)
{
    const __m128i limit = _mm_set1_epi32(v),
                  now = _mm_setr_epi32(p->now[-2], p->now[-1], p->over[0], 0);
    const __m128i bits = _mm_packs_epi32(_mm_cmpgt_epi32(now, limit),
                                         _mm_cmpgt_epi32(lic_load_words(p->above - 1), limit));
    const unsigned mask = (unsigned)_mm_movemask_epi8(_mm_packs_epi16(bits, bits));
    return (mask & 7) | (mask >> 1 & 56);
}

#else

static inline lic_tap_sums lic_taps_gather(const lic_taps *t, const lic_place *from,
                                           const int32_t *base, int n, int shift, int16_t *inputs)
{
    lic_tap_sums sums = {0, 0};
    for (int i = 0; i < n; i++) {
        const lic_place *p = &from[i];
        int16_t *d = inputs + LIC_LANES * i;
        const int16_t *high = t->high + LIC_LANES * i;
        d[0] = (int16_t)(i ? 0 : (p->now[-2] - base[i]) >> shift);
        d[1] = (int16_t)((p->now[-1] - base[i]) >> shift);
        d[2] = (int16_t)(i ? 0 : (p->over[0] - base[i]) >> shift);
        for (int k = 0; k < 3; k++)
            d[4 + k] = (int16_t)((p->above[k - 1] - base[i]) >> shift);
        d[3] = d[7] = 0;
        for (int k = 0; k < LIC_LANES; k++) {
            sums.product += d[k] * high[k];
            sums.norm += d[k] * d[k];
        }
    }
    return sums;
}

static inline void lic_taps_learn(lic_taps *t, int16_t *inputs, const int32_t *here, int n,
                                  int32_t step)
{
    uint32_t outside = 0;
    for (int i = 1; i < n; i++)
        inputs[LIC_LANES * i + LIC_LANE_HERE] = (int16_t)here[i];
    for (int i = 0; i < LIC_LANES * n; i++) {
        t->of[i] += (step * inputs[i]) >> 8;
        t->high[i] = (int16_t)(t->of[i] >> 3);
        outside |= (uint32_t)(t->of[i] + LIC_TAP_MOST);
    }
    if (outside > 2 * LIC_TAP_MOST)
        lic_taps_hold(t, LIC_LANES * n);
}

static inline unsigned lic_lie_above(const lic_place *p, int32_t v)
{
    return (unsigned)(p->now[-2] > v) | (unsigned)(p->now[-1] > v) << 1 |
           (unsigned)(p->over[0] > v) << 2 | (unsigned)(p->above[-1] > v) << 3 |
           (unsigned)(p->above[0] > v) << 4 | (unsigned)(p->above[1] > v) << 5;
}

#endif

#endif
