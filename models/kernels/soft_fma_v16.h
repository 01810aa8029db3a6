/* soft_fma_v16.h - v16_fma for processors without a fused multiply-add, exact. Included by the
 * header of such a processor (simd_sse4.h, simd_wasm.h), which has defined
 *  - low_half, high_half: four floats to two of them, as doubles
 *  - two_floats: two doubles of the low half and two of the high to four floats, rounded
 *  - smaller: the smaller of each two unsigned words
 *  - any_set: whether any bit is set */
#ifndef LIC_KERNELS_SOFT_FMA_V16_H
#define LIC_KERNELS_SOFT_FMA_V16_H

/* Sums of products, which are exact in double -> numbers that tell by their least whether the
 * conversion to float may go wrong. The sum is rounded to double and then to float; the second
 * rounding goes wrong only if the first has put the sum on the middle between two floats: in its
 * low 29 bits one 1 and 28 zeros. Such a sum has a 0 in the low half. Below 2^-126 the middles lie
 * elsewhere. The high half has the size, less 1, so that 0 is no small number but a large one. */
LIC_INLINE four_words doubt(two_doubles sum)
{
    const four_words kept = {0x1FFFFFFF, 0x7FFFFFFF, 0x1FFFFFFF, 0x7FFFFFFF};
    const four_words off = {0x10000000, 1, 0x10000000, 1};
    return ((four_words)sum & kept) - off;
}

LIC_INLINE int is_doubtful(four_words least)
{
    const uint32_t high = ((1023 - 126) << 20) - 2; /* the high half of 2^-126, less 2 */
    const four_words most = {0, high, 0, high};
    return any_set((four_words)(smaller(least, most) == least));
}

/* Any numbers. A function of its own: few come here, from many places. */
static __attribute__((noinline)) void fma_any(const float *a, const float *b, float *c)
{
    for (int i = 0; i < LIC_LANES; i++)
        c[i] = fma_to_odd(a[i], b[i], c[i]);
}

LIC_INLINE v16 v16_fma(v16 a, v16 b, v16 c)
{
    four_words least = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
    v16 r;
    for (int i = 0; i < 4; i++) {
        const two_doubles low = low_half(a.q[i]) * low_half(b.q[i]) + low_half(c.q[i]);
        const two_doubles high = high_half(a.q[i]) * high_half(b.q[i]) + high_half(c.q[i]);
        least = smaller(least, smaller(doubt(low), doubt(high)));
        r.q[i] = two_floats(low, high);
    }
    if (__builtin_expect(is_doubtful(least), 0)) {
        float x[16], y[16], z[16];
        v16_store(x, a);
        v16_store(y, b);
        v16_store(z, c);
        fma_any(x, y, z);
        return v16_load(z);
    }
    return r;
}

#endif
