/* arithmetic.h - what a compiler must not do to this codec. Files decode to the same bits on every
 * machine because each operation is rounded to IEEE binary32, in the order of the code (FORMAT.md,
 * section 6). A build that breaks this would make files that nothing else decodes, so it stops
 * here. What no macro can tell, lic_kernels_check (models/) finds at run time. */
#ifndef LIC_BASE_ARITHMETIC_H
#define LIC_BASE_ARITHMETIC_H

#include <float.h>

#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__) ||           \
    defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) || defined(__NO_SIGNED_ZEROS__)
#error "lic needs exact IEEE arithmetic: build without -ffast-math, -Ofast and their parts"
#endif

#if FLT_EVAL_METHOD != 0
#error "lic needs float operations rounded to float (FLT_EVAL_METHOD 0): on x86-32 add -msse2 -mfpmath=sse"
#endif

#if FLT_RADIX != 2 || FLT_MANT_DIG != 24 || FLT_MAX_EXP != 128 || DBL_MANT_DIG != 53
#error "lic needs IEEE 754 binary32 and binary64"
#endif

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "lic has only been written for little-endian machines: latents and weights are used as they lie"
#endif

#endif
