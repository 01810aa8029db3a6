/* simd.h - one logical vector of 16 floats, `v16`, on every machine.
 *
 * A v16 is one AVX-512 register, two AVX2, four SSE or NEON, or an array. All operations are IEEE binary32
 * and lane by lane; reductions use one fixed tree; so code on v16 gives the same bits everywhere.
 * min and max are a < b ? a : b and a > b ? a : b, also for NaN and signed zeros (what x86 does).
 * Included once per kernel source, which says by LIC_SIMD_* what to use; fma is always explicit
 * (everything is compiled with -ffp-contract=off). Compiler extensions and intrinsics live only in
 * this folder. */
#ifndef LIC_KERNELS_SIMD_H
#define LIC_KERNELS_SIMD_H

#include "models/kernels/half.h"

#include <stdint.h>
#include <string.h>

#define LIC_LANES 16
#define LIC_INLINE static inline __attribute__((always_inline, unused))

#if defined(LIC_SIMD_AVX512) || defined(LIC_SIMD_AVX2)
#include <immintrin.h>
#elif defined(__x86_64__)
#include <emmintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

/* IEEE square root by the machine's instruction: __builtin_sqrtf may call libm to set errno. */
LIC_INLINE float sqrt1(float x)
{
#if defined(__x86_64__)
    return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x)));
#elif defined(__aarch64__)
    return vget_lane_f32(vsqrt_f32(vdup_n_f32(x)), 0);
#else
    return __builtin_sqrtf(x);
#endif
}

#include "models/kernels/soft_fma.h"

/* Four registers, each of them `expr`. */
#if defined(LIC_SIMD_NEON) || defined(LIC_SIMD_WASM) || defined(LIC_SIMD_SSE4)
#define V16_MAP(expr) \
    do { \
        v16 r_; \
        for (int i_ = 0; i_ < 4; i_++) \
            r_.q[i_] = (expr); \
        return r_; \
    } while (0)
#endif

#if defined(LIC_SIMD_AVX512)

typedef __m512 v16;
LIC_INLINE v16 v16_load(const float *p) { return _mm512_loadu_ps(p); }
LIC_INLINE void v16_store(float *p, v16 a) { _mm512_storeu_ps(p, a); }
LIC_INLINE __mmask16 v16_mask(int n) { return (__mmask16)((1u << n) - 1u); }
LIC_INLINE v16 v16_load_n(const float *p, int n) { return _mm512_maskz_loadu_ps(v16_mask(n), p); }
LIC_INLINE void v16_store_n(float *p, v16 a, int n) { _mm512_mask_storeu_ps(p, v16_mask(n), a); }
LIC_INLINE v16 v16_load_half(const uint16_t *p)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)p));
}
LIC_INLINE v16 v16_set(float x) { return _mm512_set1_ps(x); }
LIC_INLINE v16 v16_add(v16 a, v16 b) { return _mm512_add_ps(a, b); }
LIC_INLINE v16 v16_sub(v16 a, v16 b) { return _mm512_sub_ps(a, b); }
LIC_INLINE v16 v16_mul(v16 a, v16 b) { return _mm512_mul_ps(a, b); }
LIC_INLINE v16 v16_div(v16 a, v16 b) { return _mm512_div_ps(a, b); }
LIC_INLINE v16 v16_sqrt(v16 a) { return _mm512_sqrt_ps(a); }
LIC_INLINE v16 v16_fma(v16 a, v16 b, v16 c) { return _mm512_fmadd_ps(a, b, c); }
LIC_INLINE v16 v16_max(v16 a, v16 b) { return _mm512_max_ps(a, b); }
LIC_INLINE v16 v16_min(v16 a, v16 b) { return _mm512_min_ps(a, b); }
LIC_INLINE v16 v16_scale_pow2(v16 y, v16 n, v16 t)
{
    (void)t;
    return _mm512_scalef_ps(y, n);
}

/* Row i of the result has lane i of every row. */
LIC_INLINE void v16_transpose(v16 a[16])
{
    v16 b[16];
    for (int i = 0; i < 16; i += 4) { /* 4 x 4 blocks, in each quarter of the lanes */
        const v16 low0 = _mm512_unpacklo_ps(a[i], a[i + 1]),
                  high0 = _mm512_unpackhi_ps(a[i], a[i + 1]),
                  low1 = _mm512_unpacklo_ps(a[i + 2], a[i + 3]),
                  high1 = _mm512_unpackhi_ps(a[i + 2], a[i + 3]);
        b[i] = _mm512_shuffle_ps(low0, low1, 0x44);
        b[i + 1] = _mm512_shuffle_ps(low0, low1, 0xEE);
        b[i + 2] = _mm512_shuffle_ps(high0, high1, 0x44);
        b[i + 3] = _mm512_shuffle_ps(high0, high1, 0xEE);
    }
    for (int i = 0; i < 4; i++) { /* blocks among each other */
        const v16 even0 = _mm512_shuffle_f32x4(b[i], b[i + 4], 0x88),
                  odd0 = _mm512_shuffle_f32x4(b[i], b[i + 4], 0xDD),
                  even1 = _mm512_shuffle_f32x4(b[i + 8], b[i + 12], 0x88),
                  odd1 = _mm512_shuffle_f32x4(b[i + 8], b[i + 12], 0xDD);
        a[i] = _mm512_shuffle_f32x4(even0, even1, 0x88);
        a[i + 4] = _mm512_shuffle_f32x4(odd0, odd1, 0x88);
        a[i + 8] = _mm512_shuffle_f32x4(even0, even1, 0xDD);
        a[i + 12] = _mm512_shuffle_f32x4(odd0, odd1, 0xDD);
    }
}

/* The value in a register: a compiler may else load it again wherever it is used. */
LIC_INLINE v16 v16_keep(v16 a)
{
    __asm__("" : "+v"(a));
    return a;
}

#elif defined(LIC_SIMD_AVX2)

typedef struct { __m256 lo, hi; } v16;
#define V16_EACH(expr_lo, expr_hi) ((v16){(expr_lo), (expr_hi)})
#define V16_BINARY(name, op)                                                                       \
    LIC_INLINE v16 name(v16 a, v16 b) { return V16_EACH(op(a.lo, b.lo), op(a.hi, b.hi)); }
LIC_INLINE v16 v16_load(const float *p)
{
    return V16_EACH(_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8));
}
LIC_INLINE void v16_store(float *p, v16 a)
{
    _mm256_storeu_ps(p, a.lo);
    _mm256_storeu_ps(p + 8, a.hi);
}
LIC_INLINE v16 v16_load_half(const uint16_t *p)
{
    const __m128i *q = (const __m128i *)(const void *)p;
    return V16_EACH(_mm256_cvtph_ps(_mm_loadu_si128(q)), _mm256_cvtph_ps(_mm_loadu_si128(q + 1)));
}
LIC_INLINE v16 v16_set(float x) { return V16_EACH(_mm256_set1_ps(x), _mm256_set1_ps(x)); }
V16_BINARY(v16_add, _mm256_add_ps)
V16_BINARY(v16_sub, _mm256_sub_ps)
V16_BINARY(v16_mul, _mm256_mul_ps)
V16_BINARY(v16_div, _mm256_div_ps)
LIC_INLINE v16 v16_sqrt(v16 a) { return V16_EACH(_mm256_sqrt_ps(a.lo), _mm256_sqrt_ps(a.hi)); }
LIC_INLINE v16 v16_fma(v16 a, v16 b, v16 c)
{
    return V16_EACH(_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi));
}
V16_BINARY(v16_max, _mm256_max_ps)
V16_BINARY(v16_min, _mm256_min_ps)
LIC_INLINE __m256 v8_scale_pow2(__m256 y, __m256 t)
{
    __m256i e = _mm256_slli_epi32(_mm256_castps_si256(t), 23);
    e = _mm256_add_epi32(e, _mm256_set1_epi32(0x3F800000));
    return _mm256_mul_ps(y, _mm256_castsi256_ps(e));
}
LIC_INLINE v16 v16_scale_pow2(v16 y, v16 n, v16 t)
{
    (void)n;
    return V16_EACH(v8_scale_pow2(y.lo, t.lo), v8_scale_pow2(y.hi, t.hi));
}

LIC_INLINE v16 v16_keep(v16 a)
{
    __asm__("" : "+x"(a.lo), "+x"(a.hi));
    return a;
}

#elif defined(LIC_SIMD_NEON)

typedef struct { float32x4_t q[4]; } v16;
LIC_INLINE v16 v16_load(const float *p) { V16_MAP(vld1q_f32(p + 4 * i_)); }
LIC_INLINE void v16_store(float *p, v16 a)
{
    for (int i = 0; i < 4; i++)
        vst1q_f32(p + 4 * i, a.q[i]);
}
LIC_INLINE v16 v16_load_half(const uint16_t *p)
{
    V16_MAP(vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p + 4 * i_))));
}
LIC_INLINE v16 v16_set(float x) { V16_MAP(vdupq_n_f32(x)); }
LIC_INLINE v16 v16_add(v16 a, v16 b) { V16_MAP(vaddq_f32(a.q[i_], b.q[i_])); }
LIC_INLINE v16 v16_sub(v16 a, v16 b) { V16_MAP(vsubq_f32(a.q[i_], b.q[i_])); }
LIC_INLINE v16 v16_mul(v16 a, v16 b) { V16_MAP(vmulq_f32(a.q[i_], b.q[i_])); }
LIC_INLINE v16 v16_div(v16 a, v16 b) { V16_MAP(vdivq_f32(a.q[i_], b.q[i_])); }
LIC_INLINE v16 v16_sqrt(v16 a) { V16_MAP(vsqrtq_f32(a.q[i_])); }
LIC_INLINE v16 v16_fma(v16 a, v16 b, v16 c) { V16_MAP(vfmaq_f32(c.q[i_], a.q[i_], b.q[i_])); }
LIC_INLINE v16 v16_max(v16 a, v16 b)
{
    V16_MAP(vbslq_f32(vcgtq_f32(a.q[i_], b.q[i_]), a.q[i_], b.q[i_]));
}
LIC_INLINE v16 v16_min(v16 a, v16 b)
{
    V16_MAP(vbslq_f32(vcltq_f32(a.q[i_], b.q[i_]), a.q[i_], b.q[i_]));
}
LIC_INLINE v16 v16_scale_pow2(v16 y, v16 n, v16 t)
{
    (void)n;
    V16_MAP(vmulq_f32(y.q[i_], vreinterpretq_f32_s32(vaddq_s32(
        vshlq_n_s32(vreinterpretq_s32_f32(t.q[i_]), 23), vdupq_n_s32(0x3F800000)))));
}

#elif defined(LIC_SIMD_WASM)

#include "models/kernels/simd_wasm.h"

#elif defined(LIC_SIMD_SSE4)

#include "models/kernels/simd_sse4.h"

#else /* scalar: plain C, and the oracle of the parity tests */

typedef struct { float f[16]; } v16;
#define V16_MAP(expr) \
    do { \
        v16 r_; \
        for (int i_ = 0; i_ < 16; i_++) \
            r_.f[i_] = (expr); \
        return r_; \
    } while (0)

#if defined(LIC_SIMD_SOFT_FMA)
LIC_INLINE float fma1(float a, float b, float c) { return fma_to_odd(a, b, c); }
#else
LIC_INLINE float fma1(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
#endif

LIC_INLINE v16 v16_load(const float *p) { V16_MAP(p[i_]); }
LIC_INLINE void v16_store(float *p, v16 a) { memcpy(p, a.f, sizeof a.f); }
LIC_INLINE v16 v16_load_half(const uint16_t *p) { V16_MAP(lic_half_value(p[i_])); }
LIC_INLINE v16 v16_set(float x) { V16_MAP(x); }
LIC_INLINE v16 v16_add(v16 a, v16 b) { V16_MAP(a.f[i_] + b.f[i_]); }
LIC_INLINE v16 v16_sub(v16 a, v16 b) { V16_MAP(a.f[i_] - b.f[i_]); }
LIC_INLINE v16 v16_mul(v16 a, v16 b) { V16_MAP(a.f[i_] * b.f[i_]); }
LIC_INLINE v16 v16_div(v16 a, v16 b) { V16_MAP(a.f[i_] / b.f[i_]); }
LIC_INLINE v16 v16_sqrt(v16 a) { V16_MAP(sqrt1(a.f[i_])); }
LIC_INLINE v16 v16_fma(v16 a, v16 b, v16 c) { V16_MAP(fma1(a.f[i_], b.f[i_], c.f[i_])); }
LIC_INLINE v16 v16_max(v16 a, v16 b) { V16_MAP(a.f[i_] > b.f[i_] ? a.f[i_] : b.f[i_]); }
LIC_INLINE v16 v16_min(v16 a, v16 b) { V16_MAP(a.f[i_] < b.f[i_] ? a.f[i_] : b.f[i_]); }
LIC_INLINE v16 v16_scale_pow2(v16 y, v16 n, v16 t)
{
    (void)n;
    for (int i = 0; i < 16; i++) {
        uint32_t e;
        float p;
        memcpy(&e, &t.f[i], sizeof e);
        e = (e << 23) + 0x3F800000u;
        memcpy(&p, &e, sizeof p);
        y.f[i] *= p;
    }
    return y;
}
#endif

#if !defined(LIC_SIMD_AVX512) && !defined(LIC_SIMD_AVX2)
LIC_INLINE v16 v16_keep(v16 a) { return a; }
#endif

#if !defined(LIC_SIMD_AVX512)
/* The first n lanes; the others are 0. */
LIC_INLINE v16 v16_load_n(const float *p, int n)
{
    float t[16] = {0};
    memcpy(t, p, (size_t)n * sizeof *p);
    return v16_load(t);
}
LIC_INLINE void v16_store_n(float *p, v16 a, int n)
{
    float t[16];
    v16_store(t, a);
    memcpy(p, t, (size_t)n * sizeof *p);
}

/* Row i of the result has lane i of every row. */
LIC_INLINE void v16_transpose(v16 a[16])
{
    float f[16][16], t[16][16];
    for (int i = 0; i < 16; i++)
        v16_store(f[i], a[i]);
    for (int i = 0; i < 16; i++)
        for (int j = 0; j < 16; j++)
            t[i][j] = f[j][i];
    for (int i = 0; i < 16; i++)
        a[i] = v16_load(t[i]);
}
#endif

/* Sum and maximum of the 16 lanes by halving: (i, i + 8), (i, i + 4), (i, i + 2), (0, 1). */
#if defined(LIC_SIMD_AVX512) || defined(LIC_SIMD_AVX2)
#if defined(LIC_SIMD_AVX512)
LIC_INLINE __m256 v16_low(v16 a) { return _mm512_castps512_ps256(a); }
LIC_INLINE __m256 v16_high(v16 a) { return _mm512_extractf32x8_ps(a, 1); }
#else
LIC_INLINE __m256 v16_low(v16 a) { return a.lo; }
LIC_INLINE __m256 v16_high(v16 a) { return a.hi; }
#endif
LIC_INLINE float v16_sum(v16 a)
{
    __m256 b = _mm256_add_ps(v16_low(a), v16_high(a));
    __m128 c = _mm_add_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps(b, 1));
    c = _mm_add_ps(c, _mm_movehl_ps(c, c));
    return _mm_cvtss_f32(_mm_add_ss(c, _mm_movehdup_ps(c)));
}
LIC_INLINE float v16_hmax(v16 a)
{
    __m256 b = _mm256_max_ps(v16_low(a), v16_high(a));
    __m128 c = _mm_max_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps(b, 1));
    c = _mm_max_ps(c, _mm_movehl_ps(c, c));
    return _mm_cvtss_f32(_mm_max_ss(c, _mm_movehdup_ps(c)));
}
#else
LIC_INLINE float v16_sum(v16 a)
{
    float f[16];
    v16_store(f, a);
    for (int half = 8; half; half /= 2)
        for (int i = 0; i < half; i++)
            f[i] = f[i] + f[i + half];
    return f[0];
}
LIC_INLINE float v16_hmax(v16 a)
{
    float f[16];
    v16_store(f, a);
    for (int half = 8; half; half /= 2)
        for (int i = 0; i < half; i++)
            f[i] = f[i] > f[i + half] ? f[i] : f[i + half];
    return f[0];
}
#endif

/* The same of 16 vectors: lane i is v16_sum(a[i]), or v16_hmax(a[i]). Changes a. */
#if defined(LIC_SIMD_AVX512)
/* Two vectors become one in each step, where a half of each is added to the other. */
#define V16_EACH_OF(name, op)                                                                      \
    LIC_INLINE v16 name(v16 a[16])                                                                 \
    {                                                                                              \
        for (int i = 0; i < 4; i++) {                                                              \
            v16 b[2];                                                                              \
            for (int j = 0; j < 2; j++) {                                                          \
                const v16 x = a[8 * j + i], y = a[8 * j + 4 + i];                                  \
                b[j] = op(_mm512_shuffle_f32x4(x, y, 0x44), _mm512_shuffle_f32x4(x, y, 0xEE));     \
            }                                                                                      \
            a[i] = op(_mm512_shuffle_f32x4(b[0], b[1], 0x88),                                      \
                      _mm512_shuffle_f32x4(b[0], b[1], 0xDD));                                     \
        }                                                                                          \
        for (int i = 0; i < 4; i += 2)                                                             \
            a[i] = op(_mm512_shuffle_ps(a[i], a[i + 1], 0x44),                                     \
                      _mm512_shuffle_ps(a[i], a[i + 1], 0xEE));                                    \
        return op(_mm512_shuffle_ps(a[0], a[2], 0x88), _mm512_shuffle_ps(a[0], a[2], 0xDD));       \
    }
V16_EACH_OF(v16_sum_each, v16_add)
V16_EACH_OF(v16_hmax_each, v16_max)
#else
#define V16_EACH_OF(name, of_one)                                                                  \
    LIC_INLINE v16 name(v16 a[16])                                                                 \
    {                                                                                              \
        float f[16];                                                                               \
        for (int i = 0; i < 16; i++)                                                               \
            f[i] = of_one(a[i]);                                                                   \
        return v16_load(f);                                                                        \
    }
V16_EACH_OF(v16_sum_each, v16_sum)
V16_EACH_OF(v16_hmax_each, v16_hmax)
#endif

#endif
