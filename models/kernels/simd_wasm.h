/* simd_wasm.h - v16 in WebAssembly's SIMD128: four vectors of four floats (included by simd.h).
 *
 * WebAssembly has no fused multiply-add that is one on every machine. By what the including source
 * defines, v16_fma is
 *  - LIC_WASM_RELAXED: relaxed_madd of the relaxed SIMD instructions, which an engine either always
 *    fuses or never. lic_kernels_check tells which, and without it the table is not used.
 *  - LIC_WASM_ROUNDED: a product and a sum, both rounded. Not strict: for g_s alone.
 *  - neither: exact, from double arithmetic. */
#ifndef LIC_KERNELS_SIMD_WASM_H
#define LIC_KERNELS_SIMD_WASM_H

#include <wasm_simd128.h>

typedef struct { v128_t q[4]; } v16;

LIC_INLINE v16 v16_load(const float *p) { V16_MAP(wasm_v128_load(p + 4 * i_)); }
LIC_INLINE void v16_store(float *p, v16 a)
{
    for (int i = 0; i < 4; i++)
        wasm_v128_store(p + 4 * i, a.q[i]);
}

/* As lic_half_value (half.h). */
LIC_INLINE v128_t v4_load_half(const uint16_t *p)
{
    const v128_t h = wasm_u32x4_load16x4(p);
    const v128_t size = wasm_i32x4_shl(wasm_v128_and(h, wasm_i32x4_splat(0x7FFF)), 13);
    const v128_t sign = wasm_i32x4_shl(wasm_v128_and(h, wasm_i32x4_splat(0x8000)), 16);
    return wasm_v128_or(
        wasm_f32x4_mul(size, wasm_f32x4_splat(5192296858534827628530496329220096.0f)), sign);
}
LIC_INLINE v16 v16_load_half(const uint16_t *p) { V16_MAP(v4_load_half(p + 4 * i_)); }
LIC_INLINE v16 v16_set(float x) { V16_MAP(wasm_f32x4_splat(x)); }
LIC_INLINE v16 v16_add(v16 a, v16 b) { V16_MAP(wasm_f32x4_add(a.q[i_], b.q[i_])); }
LIC_INLINE v16 v16_sub(v16 a, v16 b) { V16_MAP(wasm_f32x4_sub(a.q[i_], b.q[i_])); }
LIC_INLINE v16 v16_mul(v16 a, v16 b) { V16_MAP(wasm_f32x4_mul(a.q[i_], b.q[i_])); }
LIC_INLINE v16 v16_div(v16 a, v16 b) { V16_MAP(wasm_f32x4_div(a.q[i_], b.q[i_])); }
LIC_INLINE v16 v16_sqrt(v16 a) { V16_MAP(wasm_f32x4_sqrt(a.q[i_])); }
/* pmax(b, a) is b < a ? a : b, and pmin(b, a) a < b ? a : b. */
LIC_INLINE v16 v16_max(v16 a, v16 b) { V16_MAP(wasm_f32x4_pmax(b.q[i_], a.q[i_])); }
LIC_INLINE v16 v16_min(v16 a, v16 b) { V16_MAP(wasm_f32x4_pmin(b.q[i_], a.q[i_])); }
LIC_INLINE v16 v16_scale_pow2(v16 y, v16 n, v16 t)
{
    (void)n;
    V16_MAP(wasm_f32x4_mul(
        y.q[i_], wasm_i32x4_add(wasm_i32x4_shl(t.q[i_], 23), wasm_i32x4_splat(0x3F800000))));
}

#if defined(LIC_WASM_RELAXED)
LIC_INLINE v128_t v4_fma(v128_t a, v128_t b, v128_t c)
{
    typedef float f32x4 __attribute__((vector_size(16)));
#if __has_builtin(__builtin_wasm_relaxed_madd_f32x4)
    return (v128_t)__builtin_wasm_relaxed_madd_f32x4((f32x4)a, (f32x4)b, (f32x4)c);
#else /* as LLVM 14 calls it */
    return (v128_t)__builtin_wasm_fma_f32x4((f32x4)a, (f32x4)b, (f32x4)c);
#endif
}

#elif defined(LIC_WASM_ROUNDED)
LIC_INLINE v128_t v4_fma(v128_t a, v128_t b, v128_t c)
{
    return wasm_f32x4_add(wasm_f32x4_mul(a, b), c);
}

#else
/* The product of two floats is exact in double. Its sum with the third is rounded to double and then
 * to float; the second rounding goes wrong only if the first has put the sum on the middle between
 * two floats: in its low 29 bits one 1 and 28 zeros. Where that is so, and among numbers below 2^-126,
 * whose middles lie elsewhere, the sum is made odd instead (fma1 in simd.h). */
#define LIC_WASM_EXACT

LIC_INLINE v128_t high_half(v128_t a)
{
    return wasm_i32x4_shuffle(a, a, 2, 3, 2, 3);
}

/* Two doubles that are the rounded sum of p and d -> the same, odd where the sum is not exact. */
LIC_INLINE v128_t sum_to_odd(v128_t s, v128_t p, v128_t d)
{
    const v128_t t = wasm_f64x2_sub(s, p);
    const v128_t error =
        wasm_f64x2_add(wasm_f64x2_sub(p, wasm_f64x2_sub(s, t)), wasm_f64x2_sub(d, t));
    const v128_t zero = wasm_f64x2_splat(0.0), one = wasm_i64x2_splat(1);
    /* neither zero nor NaN, and the last bit still 0 */
    const v128_t inexact =
        wasm_v128_or(wasm_f64x2_gt(error, zero), wasm_f64x2_lt(error, zero));
    const v128_t even = wasm_i64x2_eq(wasm_v128_and(s, one), wasm_i64x2_splat(0));
    /* 1 away from zero where error and sum have one sign, else -1 */
    const v128_t away = wasm_v128_or(wasm_i64x2_shr(wasm_v128_xor(error, s), 63), one);
    return wasm_i64x2_add(s, wasm_v128_and(away, wasm_v128_and(inexact, even)));
}

/* Lanes of doubles whose conversion to float may go wrong. */
LIC_INLINE v128_t doubtful(v128_t s)
{
    const v128_t middle = wasm_i64x2_eq(wasm_i64x2_shl(s, 35), wasm_i64x2_splat(INT64_MIN));
    return wasm_v128_or(middle, wasm_f64x2_lt(wasm_f64x2_abs(s), wasm_f64x2_splat(0x1p-126)));
}

LIC_INLINE v128_t two_floats(v128_t low, v128_t high)
{
    return wasm_i32x4_shuffle(wasm_f32x4_demote_f64x2_zero(low), wasm_f32x4_demote_f64x2_zero(high),
                              0, 1, 4, 5);
}

/* Any four numbers. A function of its own: few come here, from many places. */
static __attribute__((noinline)) v128_t v4_fma_any(v128_t a, v128_t b, v128_t c)
{
    v128_t s[2];
    for (int i = 0; i < 2; i++) {
        const v128_t d = wasm_f64x2_promote_low_f32x4(c);
        const v128_t p =
            wasm_f64x2_mul(wasm_f64x2_promote_low_f32x4(a), wasm_f64x2_promote_low_f32x4(b));
        s[i] = sum_to_odd(wasm_f64x2_add(p, d), p, d);
        a = high_half(a);
        b = high_half(b);
        c = high_half(c);
    }
    return two_floats(s[0], s[1]);
}

LIC_INLINE v128_t v4_fma(v128_t a, v128_t b, v128_t c)
{
    const v128_t s0 = wasm_f64x2_add(wasm_f64x2_mul(wasm_f64x2_promote_low_f32x4(a),
                                                    wasm_f64x2_promote_low_f32x4(b)),
                                     wasm_f64x2_promote_low_f32x4(c));
    const v128_t s1 = wasm_f64x2_add(wasm_f64x2_mul(wasm_f64x2_promote_low_f32x4(high_half(a)),
                                                    wasm_f64x2_promote_low_f32x4(high_half(b))),
                                     wasm_f64x2_promote_low_f32x4(high_half(c)));
    if (__builtin_expect(wasm_v128_any_true(wasm_v128_or(doubtful(s0), doubtful(s1))), 0))
        return v4_fma_any(a, b, c);
    return two_floats(s0, s1);
}
#endif

LIC_INLINE v16 v16_fma(v16 a, v16 b, v16 c) { V16_MAP(v4_fma(a.q[i_], b.q[i_], c.q[i_])); }

#endif
