/* simd_wasm.h - v16 in WebAssembly's SIMD128: four vectors of four floats (included by simd.h).
 *
 * WebAssembly has no fused multiply-add that is one on every machine. By what the including source
 * defines, v16_fma is
 *  - LIC_WASM_RELAXED: relaxed_madd of the relaxed SIMD instructions, which an engine either always
 *    fuses or never. lic_kernels_check tells which, and without it the table is not used.
 *  - LIC_WASM_ROUNDED: a product and a sum, both rounded. Not strict: for g_s alone.
 *  - neither: exact (soft_fma_v16.h). */
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
#define LIC_WASM_EXACT

LIC_INLINE two_doubles low_half(v128_t a) { return (two_doubles)wasm_f64x2_promote_low_f32x4(a); }
LIC_INLINE two_doubles high_half(v128_t a) { return low_half(wasm_i32x4_shuffle(a, a, 2, 3, 2, 3)); }
LIC_INLINE v128_t two_floats(two_doubles low, two_doubles high)
{
    return wasm_i32x4_shuffle(wasm_f32x4_demote_f64x2_zero((v128_t)low),
                              wasm_f32x4_demote_f64x2_zero((v128_t)high), 0, 1, 4, 5);
}
LIC_INLINE four_words smaller(four_words a, four_words b)
{
    return (four_words)wasm_u32x4_min((v128_t)a, (v128_t)b);
}
LIC_INLINE int any_set(four_words a) { return wasm_v128_any_true((v128_t)a); }

#include "models/kernels/soft_fma_v16.h"
#endif

#if !defined(LIC_WASM_EXACT)
LIC_INLINE v16 v16_fma(v16 a, v16 b, v16 c) { V16_MAP(v4_fma(a.q[i_], b.q[i_], c.q[i_])); }
#endif

#endif
