/* functions.h - exp, and the activations made of it, on v16 (simd.h). Polynomials and divisions in
 * a fixed order: the same bits on every machine. */
#ifndef LIC_KERNELS_FUNCTIONS_H
#define LIC_KERNELS_FUNCTIONS_H

#include "models/kernels/simd.h"

/* v16_NAME by NAME_of. In plain C each of these is some 500 operations on single floats. Inlined into
 * every kernel that has activations they took a compiler a minute, so there they are functions; in
 * WebAssembly too, where code should be small. They take memory, not vectors, so that the caller's
 * accumulators stay in registers. */
#if defined(LIC_SIMD_AVX512) || defined(LIC_SIMD_AVX2) || defined(LIC_SIMD_NEON)
#define V16_FUNCTION(name)                                                                         \
    LIC_INLINE v16 v16_##name(v16 x)                                                               \
    {                                                                                              \
        return name##_of(x);                                                                       \
    }
#else
#define V16_FUNCTION(name)                                                                         \
    static __attribute__((noinline, unused)) void name##_in(float x[16])                           \
    {                                                                                              \
        v16_store(x, name##_of(v16_load(x)));                                                      \
    }                                                                                              \
    LIC_INLINE v16 v16_##name(v16 x)                                                               \
    {                                                                                              \
        float f[16];                                                                               \
        v16_store(f, x);                                                                           \
        name##_in(f);                                                                              \
        return v16_load(f);                                                                        \
    }
#endif

/* exp by range reduction and a degree-5 polynomial (Cephes expf; relative error below 2e-7),
 * argument held within -87..88 so that neither infinities nor subnormals arise. */
LIC_INLINE v16 exp_of(v16 x)
{
    const v16 magic = v16_set(12582912.0f); /* 1.5 * 2^23: adding it rounds to an integer */
    x = v16_min(v16_max(x, v16_set(-87.0f)), v16_set(88.0f));
    v16 t = v16_fma(x, v16_set(1.44269504088896341f), magic);
    v16 n = v16_sub(t, magic);
    v16 r = v16_fma(n, v16_set(-0.693359375f), x);
    r = v16_fma(n, v16_set(2.12194440e-4f), r);
    v16 p = v16_fma(r, v16_set(1.9875691500e-4f), v16_set(1.3981999507e-3f));
    p = v16_fma(p, r, v16_set(8.3334519073e-3f));
    p = v16_fma(p, r, v16_set(4.1665795894e-2f));
    p = v16_fma(p, r, v16_set(1.6666665459e-1f));
    p = v16_fma(p, r, v16_set(5.0000001201e-1f));
    p = v16_fma(p, v16_mul(r, r), r);
    return v16_scale_pow2(v16_add(p, v16_set(1.0f)), n, t);
}
V16_FUNCTION(exp)

LIC_INLINE v16 sigmoid_of(v16 x)
{
    const v16 one = v16_set(1.0f);
    return v16_div(one, v16_add(one, v16_exp(v16_sub(v16_set(0.0f), x))));
}
V16_FUNCTION(sigmoid)

/* tanh x = 1 - 2 / (1 + exp 2x): absolute error below 2e-7, which is what its users need. */
LIC_INLINE v16 tanh_of(v16 x)
{
    const v16 one = v16_set(1.0f), two = v16_set(2.0f);
    return v16_sub(one, v16_div(two, v16_add(one, v16_exp(v16_add(x, x)))));
}
V16_FUNCTION(tanh)

/* GELU, tanh form: x sigmoid(2 sqrt(2/pi) (x + 0.044715 x^3)), the sigmoid's minus in the factor.
 */
LIC_INLINE v16 gelu_of(v16 x)
{
    const v16 one = v16_set(1.0f);
    v16 cube = v16_mul(v16_mul(x, x), x);
    v16 u = v16_fma(cube, v16_set(0.044715f), x);
    v16 e = v16_exp(v16_mul(u, v16_set(-1.59576912160573f)));
    return v16_mul(x, v16_div(one, v16_add(one, e)));
}
V16_FUNCTION(gelu)

#endif
