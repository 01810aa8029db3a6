/* soft_fma.h - the fused multiply-add for processors that have none, exact, from double arithmetic
 * (included by simd.h). soft_fma_v16.h makes one of vectors. */
#ifndef LIC_KERNELS_SOFT_FMA_H
#define LIC_KERNELS_SOFT_FMA_H

#include <stdint.h>
#include <string.h>

/* What a vector of 16 bytes is looked at as. */
typedef double two_doubles __attribute__((vector_size(16)));
typedef uint32_t four_words __attribute__((vector_size(16)));

/* Exact fused multiply-add from double arithmetic. The product of two binary32 numbers is exact in
 * binary64; the sum is rounded to odd (the last bit set when inexact), after which the conversion
 * to binary32 rounds once, rightly (Boldo and Melquiond 2008; 53 >= 2 * 24 + 2). */
LIC_INLINE float fma_to_odd(float a, float b, float c)
{
    double p = (double)a * (double)b, d = (double)c, s = p + d;
    double t = s - p, error = (p - (s - t)) + (d - t); /* TwoSum: s + error = p + c exactly */
    int64_t bits;
    memcpy(&bits, &s, sizeof bits);
    if (error != 0.0 && !(bits & 1)) { /* not for NaN and infinity: there the error is NaN */
        if (error == error)
            bits += (error > 0.0) == (s > 0.0) ? 1 : -1;
    }
    memcpy(&s, &bits, sizeof s);
    return (float)s;
}

#endif
