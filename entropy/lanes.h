/* lanes.h - four 32-bit numbers at a time, one for each plane, in the vectors that GCC and Clang
 * have for every processor. Operators work lane by lane, and comparisons give all ones for true. */
#ifndef LIC_ENTROPY_LANES_H
#define LIC_ENTROPY_LANES_H

#include <stdbool.h>
#include <stdint.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum { LIC_PLANE_LANES = 4 };

typedef int32_t lic_lanes __attribute__((vector_size(LIC_PLANE_LANES * sizeof(int32_t))));

static inline lic_lanes lic_lanes_all(int32_t v)
{
    return (lic_lanes){v, v, v, v};
}

/* Without reading four numbers at once: a processor would have to wait until all of them, which
 * were written one by one, have left it. */
static inline lic_lanes lic_lanes_of(const int32_t v[LIC_PLANE_LANES])
{
    return (lic_lanes){v[0], v[1], v[2], v[3]};
}

static inline lic_lanes lic_lanes_choose(lic_lanes mask, lic_lanes yes, lic_lanes no)
{
    return (mask & yes) | (~mask & no);
}

static inline lic_lanes lic_lanes_smaller(lic_lanes a, lic_lanes b)
{
    return lic_lanes_choose(a < b, a, b);
}

static inline lic_lanes lic_lanes_larger(lic_lanes a, lic_lanes b)
{
    return lic_lanes_choose(a > b, a, b);
}

static inline lic_lanes lic_lanes_clamp(lic_lanes v, lic_lanes low, lic_lanes high)
{
    return lic_lanes_larger(lic_lanes_smaller(v, high), low);
}

static inline lic_lanes lic_lanes_size(lic_lanes v)
{
    const lic_lanes negative = v >> 31;
    return (v ^ negative) - negative;
}

/* What the plane before has, or the one before that; 0 where there is none. */
static inline lic_lanes lic_lanes_before(lic_lanes v)
{
    return (lic_lanes){0, v[0], v[1], v[2]};
}

static inline lic_lanes lic_lanes_two_before(lic_lanes v)
{
    return (lic_lanes){0, 0, v[0], v[1]};
}

/* ---- pairs: two numbers of 16 bits in each lane ---- */

static inline lic_lanes lic_pairs(lic_lanes first, lic_lanes second)
{
    return (first & 0xFFFF) | second << 16;
}

static inline lic_lanes lic_pairs_first(lic_lanes pairs)
{
    return pairs << 16 >> 16;
}

static inline lic_lanes lic_pairs_second(lic_lanes pairs)
{
    return pairs >> 16;
}

/* The products of first and first, second and second, added. Not both may be -32768 -32768. */
static inline lic_lanes lic_pairs_product(lic_lanes a, lic_lanes b)
{
#if defined(__SSE2__)
    return (lic_lanes)_mm_madd_epi16((__m128i)a, (__m128i)b);
#else
    return lic_pairs_first(a) * lic_pairs_first(b) + lic_pairs_second(a) * lic_pairs_second(b);
#endif
}

static inline bool lic_pairs_any_negative(lic_lanes pairs)
{
    return ((uint32_t)(pairs[0] | pairs[1] | pairs[2] | pairs[3]) & 0x80008000) != 0;
}

#endif
