/* simd_sse4.h - v16 with SSE4.1, for x86 processors without AVX2: four vectors of four floats
 * (included by simd.h). They have no fused multiply-add, so it is made from double arithmetic. */
#ifndef LIC_KERNELS_SIMD_SSE4_H
#define LIC_KERNELS_SIMD_SSE4_H

#include <smmintrin.h>

typedef struct { __m128 q[4]; } v16;

LIC_INLINE v16 v16_load(const float *p) { V16_MAP(_mm_loadu_ps(p + 4 * i_)); }
LIC_INLINE void v16_store(float *p, v16 a)
{
    for (int i = 0; i < 4; i++)
        _mm_storeu_ps(p + 4 * i, a.q[i]);
}

/* As lic_half_value (half.h). */
LIC_INLINE __m128 v4_load_half(const uint16_t *p)
{
    const __m128i h = _mm_cvtepu16_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p));
    const __m128i size = _mm_slli_epi32(_mm_and_si128(h, _mm_set1_epi32(0x7FFF)), 13);
    const __m128i sign = _mm_slli_epi32(_mm_and_si128(h, _mm_set1_epi32(0x8000)), 16);
    return _mm_or_ps(_mm_mul_ps(_mm_castsi128_ps(size), _mm_set1_ps(0x1p112f)),
                     _mm_castsi128_ps(sign));
}
LIC_INLINE v16 v16_load_half(const uint16_t *p) { V16_MAP(v4_load_half(p + 4 * i_)); }
LIC_INLINE v16 v16_set(float x) { V16_MAP(_mm_set1_ps(x)); }
LIC_INLINE v16 v16_add(v16 a, v16 b) { V16_MAP(_mm_add_ps(a.q[i_], b.q[i_])); }
LIC_INLINE v16 v16_sub(v16 a, v16 b) { V16_MAP(_mm_sub_ps(a.q[i_], b.q[i_])); }
LIC_INLINE v16 v16_mul(v16 a, v16 b) { V16_MAP(_mm_mul_ps(a.q[i_], b.q[i_])); }
LIC_INLINE v16 v16_div(v16 a, v16 b) { V16_MAP(_mm_div_ps(a.q[i_], b.q[i_])); }
LIC_INLINE v16 v16_sqrt(v16 a) { V16_MAP(_mm_sqrt_ps(a.q[i_])); }
LIC_INLINE v16 v16_max(v16 a, v16 b) { V16_MAP(_mm_max_ps(a.q[i_], b.q[i_])); }
LIC_INLINE v16 v16_min(v16 a, v16 b) { V16_MAP(_mm_min_ps(a.q[i_], b.q[i_])); }
LIC_INLINE __m128 v4_scale_pow2(__m128 y, __m128 t)
{
    const __m128i e = _mm_slli_epi32(_mm_castps_si128(t), 23);
    return _mm_mul_ps(y, _mm_castsi128_ps(_mm_add_epi32(e, _mm_set1_epi32(0x3F800000))));
}
LIC_INLINE v16 v16_scale_pow2(v16 y, v16 n, v16 t)
{
    (void)n;
    V16_MAP(v4_scale_pow2(y.q[i_], t.q[i_]));
}

/* Sums of products, which are exact in double -> numbers that tell by their least whether the
 * conversion to float may go wrong. The sum is rounded to double and then to float; the second
 * rounding goes wrong only if the first has put the sum on the middle between two floats: in its
 * low 29 bits one 1 and 28 zeros. Such a sum has a 0 in the low half. Below 2^-126 the middles lie
 * elsewhere. The high half has the size, less 1, so that 0 is no small number but a large one. */
LIC_INLINE __m128i doubt(__m128d sum)
{
    const __m128i kept = _mm_set1_epi64x(0x7FFFFFFF1FFFFFFF), off = _mm_set1_epi64x(0x110000000);
    return _mm_sub_epi32(_mm_and_si128(_mm_castpd_si128(sum), kept), off);
}
LIC_INLINE int is_doubtful(__m128i least)
{
    const __m128i most = _mm_set1_epi64x((int64_t)(((1023 - 126) << 20) - 2) << 32);
    return _mm_movemask_epi8(_mm_cmpeq_epi32(_mm_min_epu32(least, most), least));
}

/* Any numbers. A function of its own: few come here, from many places. */
static __attribute__((noinline)) void fma_any(const float *a, const float *b, float *c)
{
    for (int i = 0; i < LIC_LANES; i++)
        c[i] = fma_to_odd(a[i], b[i], c[i]);
}

LIC_INLINE __m128d low_half(__m128 a) { return _mm_cvtps_pd(a); }
LIC_INLINE __m128d high_half(__m128 a) { return _mm_cvtps_pd(_mm_movehl_ps(a, a)); }

LIC_INLINE v16 v16_fma(v16 a, v16 b, v16 c)
{
    __m128i least = _mm_set1_epi32(-1);
    v16 r;
    for (int i = 0; i < 4; i++) {
        const __m128d low =
            _mm_add_pd(_mm_mul_pd(low_half(a.q[i]), low_half(b.q[i])), low_half(c.q[i]));
        const __m128d high =
            _mm_add_pd(_mm_mul_pd(high_half(a.q[i]), high_half(b.q[i])), high_half(c.q[i]));
        least = _mm_min_epu32(least, _mm_min_epu32(doubt(low), doubt(high)));
        r.q[i] = _mm_movelh_ps(_mm_cvtpd_ps(low), _mm_cvtpd_ps(high));
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
