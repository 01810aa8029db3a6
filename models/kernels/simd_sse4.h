/* simd_sse4.h - v16 with SSE4.1, for x86 processors without AVX2: four vectors of four floats
 * (included by simd.h). They have no fused multiply-add. */
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

LIC_INLINE two_doubles low_half(__m128 a) { return _mm_cvtps_pd(a); }
LIC_INLINE two_doubles high_half(__m128 a) { return _mm_cvtps_pd(_mm_movehl_ps(a, a)); }
LIC_INLINE __m128 two_floats(two_doubles low, two_doubles high)
{
    return _mm_movelh_ps(_mm_cvtpd_ps(low), _mm_cvtpd_ps(high));
}
LIC_INLINE four_words smaller(four_words a, four_words b)
{
    return (four_words)_mm_min_epu32((__m128i)a, (__m128i)b);
}
LIC_INLINE int any_set(four_words a) { return _mm_movemask_epi8((__m128i)a); }

#include "models/kernels/soft_fma_v16.h"

#endif
