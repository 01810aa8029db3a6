/* simd_bytes.h - products of signed bytes, summed in 32 bits: what the integer layers need beside
 * simd.h, on every machine.
 *
 * Channels go in fours. A step multiplies the four bytes of one position with those of 16 output
 * columns, [16][4], and adds to 16 sums. Integer sums are exact, so the order in which a machine
 * adds is its own affair, and so is the form in which it keeps a rounded position:
 *   bytes         NEON and plain C
 *   bytes + 128   AVX-512 VNNI and AVX-VNNI, which multiply unsigned with signed bytes. The sums
 *                 begin at -128 times the sum of the weights.
 *   16 bits       the others, which multiply pairs of 16 bits: of channels 0 1 2 3 the pairs (0, 2)
 *                 and (1, 3), because even and odd bytes of weights are easily widened.
 *
 * Words of a position are loaded as floats: whole numbers would reach all lanes by way of a general
 * register. The including source has included simd.h. */
#ifndef LIC_KERNELS_SIMD_BYTES_H
#define LIC_KERNELS_SIMD_BYTES_H

/* The bits of a value from -127 to 127 plus this hold, in their low end, the nearest whole number
 * (halves to even) in two's complement: the sum is rounded to a multiple of 1. */
#define LIC_TO_WHOLE 12582912.0f /* 1.5 * 2^23 */

#if defined(LIC_SIMD_VNNI) && defined(LIC_SIMD_AVX512)

enum { LIC_BYTE_SIZE = 1 };
typedef __m512i v16d, v16b, v4a;
LIC_INLINE v16d v16d_start(const int32_t *offsets) { return _mm512_loadu_si512(offsets); }
LIC_INLINE v16b v16b_load(const int8_t *w) { return _mm512_loadu_si512(w); }
LIC_INLINE v4a v4a_load(const float *words, size_t step)
{
    return _mm512_castps_si512(_mm512_set1_ps(words[step]));
}
/* In assembly: with the intrinsic gcc 12 copies every sum before and after. */
LIC_INLINE v16d v16d_dot(v16d sum, v4a a, v16b w)
{
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(w));
    return sum;
}
LIC_INLINE v16 v16d_value(v16d sum) { return _mm512_cvtepi32_ps(sum); }
LIC_INLINE void v16_store_bytes(float *words, size_t channel, v16 a)
{
    const __m512i whole = _mm512_castps_si512(v16_add(a, v16_set(LIC_TO_WHOLE + 128.0f)));
    _mm_storeu_si128((__m128i *)(void *)(words + channel / 4), _mm512_cvtepi32_epi8(whole));
}

/* The same of 64 channels. Packing leaves fours of channels in the order 0 4 8 12 1 5 ... */
#define LIC_STORE_64
LIC_INLINE void v64_store_bytes(float *words, size_t channel, v16 a, v16 b, v16 c, v16 d)
{
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __m512i lo = _mm512_packs_epi32(_mm512_cvtps_epi32(a), _mm512_cvtps_epi32(b));
    const __m512i hi = _mm512_packs_epi32(_mm512_cvtps_epi32(c), _mm512_cvtps_epi32(d));
    const __m512i bytes = _mm512_permutexvar_epi32(order, _mm512_packs_epi16(lo, hi));
    _mm512_storeu_si512(words + channel / 4, _mm512_xor_si512(bytes, _mm512_set1_epi8(-128)));
}

#elif defined(LIC_SIMD_AVX512)

enum { LIC_BYTE_SIZE = 2 };
typedef __m512i v16d;
typedef struct { __m512i even, odd; } v16b, v4a;
LIC_INLINE v16d v16d_start(const int32_t *offsets)
{
    (void)offsets;
    return _mm512_setzero_si512();
}
LIC_INLINE v16b v16b_load(const int8_t *w)
{
    const __m512i both = _mm512_loadu_si512(w);
    return (v16b){_mm512_srai_epi16(_mm512_slli_epi16(both, 8), 8), _mm512_srai_epi16(both, 8)};
}
LIC_INLINE v4a v4a_load(const float *words, size_t step)
{
    return (v4a){_mm512_castps_si512(_mm512_set1_ps(words[2 * step])),
                 _mm512_castps_si512(_mm512_set1_ps(words[2 * step + 1]))};
}
LIC_INLINE v16d v16d_dot(v16d sum, v4a a, v16b w)
{
    sum = _mm512_add_epi32(sum, _mm512_madd_epi16(a.even, w.even));
    return _mm512_add_epi32(sum, _mm512_madd_epi16(a.odd, w.odd));
}
LIC_INLINE v16 v16d_value(v16d sum) { return _mm512_cvtepi32_ps(sum); }
LIC_INLINE void v16_store_bytes(float *words, size_t channel, v16 a)
{
    const __m512i whole = _mm512_castps_si512(v16_add(a, v16_set(LIC_TO_WHOLE)));
    const __m256i s = _mm512_cvtepi32_epi16(whole);
    _mm256_storeu_si256((__m256i *)(void *)(words + channel / 2),
                        _mm256_shufflehi_epi16(_mm256_shufflelo_epi16(s, 0xD8), 0xD8));
}

#elif defined(LIC_SIMD_AVX2)

typedef struct { __m256i lo, hi; } v16d;
LIC_INLINE v16 v16d_value(v16d sum)
{
    return V16_EACH(_mm256_cvtepi32_ps(sum.lo), _mm256_cvtepi32_ps(sum.hi));
}
/* The whole numbers nearest to the values, in 16 bits. */
LIC_INLINE __m256i v16_whole(v16 a)
{
    const __m256i lo = _mm256_cvtps_epi32(a.lo), hi = _mm256_cvtps_epi32(a.hi);
    return _mm256_permute4x64_epi64(_mm256_packs_epi32(lo, hi), 0xD8);
}

#if defined(LIC_SIMD_VNNI)

enum { LIC_BYTE_SIZE = 1 };
typedef struct { __m256i lo, hi; } v16b;
typedef __m256i v4a;
LIC_INLINE v16d v16d_start(const int32_t *offsets)
{
    const __m256i *p = (const __m256i *)(const void *)offsets;
    return (v16d){_mm256_loadu_si256(p), _mm256_loadu_si256(p + 1)};
}
LIC_INLINE v16b v16b_load(const int8_t *w)
{
    const __m256i *p = (const __m256i *)(const void *)w;
    return (v16b){_mm256_loadu_si256(p), _mm256_loadu_si256(p + 1)};
}
LIC_INLINE v4a v4a_load(const float *words, size_t step)
{
    return _mm256_castps_si256(_mm256_broadcast_ss(words + step));
}
LIC_INLINE v16d v16d_dot(v16d sum, v4a a, v16b w)
{
    __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum.lo) : "x"(a), "x"(w.lo));
    __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum.hi) : "x"(a), "x"(w.hi));
    return sum;
}
LIC_INLINE void v16_store_bytes(float *words, size_t channel, v16 a)
{
    const __m256i s = v16_whole(a), bytes = _mm256_permute4x64_epi64(_mm256_packs_epi16(s, s), 0xD8);
    _mm_storeu_si128((__m128i *)(void *)(words + channel / 4),
                     _mm_xor_si128(_mm256_castsi256_si128(bytes), _mm_set1_epi8(-128)));
}

#else

enum { LIC_BYTE_SIZE = 2 };
typedef struct { __m256i even_lo, odd_lo, even_hi, odd_hi; } v16b;
typedef struct { __m256i even, odd; } v4a;
LIC_INLINE v16d v16d_start(const int32_t *offsets)
{
    (void)offsets;
    return (v16d){_mm256_setzero_si256(), _mm256_setzero_si256()};
}
LIC_INLINE v16b v16b_load(const int8_t *w)
{
    const __m256i *p = (const __m256i *)(const void *)w;
    const __m256i lo = _mm256_loadu_si256(p), hi = _mm256_loadu_si256(p + 1);
    return (v16b){_mm256_srai_epi16(_mm256_slli_epi16(lo, 8), 8), _mm256_srai_epi16(lo, 8),
                  _mm256_srai_epi16(_mm256_slli_epi16(hi, 8), 8), _mm256_srai_epi16(hi, 8)};
}
LIC_INLINE v4a v4a_load(const float *words, size_t step)
{
    return (v4a){_mm256_castps_si256(_mm256_broadcast_ss(words + 2 * step)),
                 _mm256_castps_si256(_mm256_broadcast_ss(words + 2 * step + 1))};
}
LIC_INLINE v16d v16d_dot(v16d sum, v4a a, v16b w)
{
    sum.lo = _mm256_add_epi32(sum.lo, _mm256_madd_epi16(a.even, w.even_lo));
    sum.hi = _mm256_add_epi32(sum.hi, _mm256_madd_epi16(a.even, w.even_hi));
    __asm__("" : "+x"(sum.lo), "+x"(sum.hi)); /* or gcc adds the products first, and spills */
    sum.lo = _mm256_add_epi32(sum.lo, _mm256_madd_epi16(a.odd, w.odd_lo));
    sum.hi = _mm256_add_epi32(sum.hi, _mm256_madd_epi16(a.odd, w.odd_hi));
    return sum;
}
LIC_INLINE void v16_store_bytes(float *words, size_t channel, v16 a)
{
    const __m256i s = v16_whole(a);
    _mm256_storeu_si256((__m256i *)(void *)(words + channel / 2),
                        _mm256_shufflehi_epi16(_mm256_shufflelo_epi16(s, 0xD8), 0xD8));
}
#endif

#elif defined(LIC_SIMD_SSE4)

enum { LIC_BYTE_SIZE = 2 };
typedef struct { __m128i q[4]; } v16d;
typedef struct { __m128i even[4], odd[4]; } v16b;
typedef struct { __m128i even, odd; } v4a;
LIC_INLINE v16d v16d_start(const int32_t *offsets)
{
    const __m128i zero = _mm_setzero_si128();
    (void)offsets;
    return (v16d){{zero, zero, zero, zero}};
}
LIC_INLINE v16b v16b_load(const int8_t *w)
{
    v16b r;
    for (int i = 0; i < 4; i++) {
        const __m128i both = _mm_loadu_si128((const __m128i *)(const void *)w + i);
        r.even[i] = _mm_srai_epi16(_mm_slli_epi16(both, 8), 8);
        r.odd[i] = _mm_srai_epi16(both, 8);
    }
    return r;
}
LIC_INLINE v4a v4a_load(const float *words, size_t step)
{
    return (v4a){_mm_castps_si128(_mm_load1_ps(words + 2 * step)),
                 _mm_castps_si128(_mm_load1_ps(words + 2 * step + 1))};
}
LIC_INLINE v16d v16d_dot(v16d sum, v4a a, v16b w)
{
    for (int i = 0; i < 4; i++) {
        sum.q[i] = _mm_add_epi32(sum.q[i], _mm_madd_epi16(a.even, w.even[i]));
        sum.q[i] = _mm_add_epi32(sum.q[i], _mm_madd_epi16(a.odd, w.odd[i]));
    }
    return sum;
}
LIC_INLINE v16 v16d_value(v16d sum) { V16_MAP(_mm_cvtepi32_ps(sum.q[i_])); }
LIC_INLINE void v16_store_bytes(float *words, size_t channel, v16 a)
{
    for (int i = 0; i < 4; i += 2) {
        const __m128i s = _mm_packs_epi32(_mm_cvtps_epi32(a.q[i]), _mm_cvtps_epi32(a.q[i + 1]));
        _mm_storeu_si128((__m128i *)(void *)(words + channel / 2 + 4 * (size_t)i / 2),
                         _mm_shufflehi_epi16(_mm_shufflelo_epi16(s, 0xD8), 0xD8));
    }
}

#elif defined(LIC_SIMD_NEON)

enum { LIC_BYTE_SIZE = 1 };
typedef struct { int8x16_t q[4]; } v16b;
typedef int8x16_t v4a;
LIC_INLINE v16b v16b_load(const int8_t *w)
{
    return (v16b){{vld1q_s8(w), vld1q_s8(w + 16), vld1q_s8(w + 32), vld1q_s8(w + 48)}};
}
LIC_INLINE v4a v4a_load(const float *words, size_t step)
{
    int32_t four;
    memcpy(&four, words + step, sizeof four);
    return vreinterpretq_s8_s32(vdupq_n_s32(four));
}
LIC_INLINE void v16_store_bytes(float *words, size_t channel, v16 a)
{
    int32x4_t whole[4];
    for (int i = 0; i < 4; i++)
        whole[i] = vreinterpretq_s32_f32(vaddq_f32(a.q[i], vdupq_n_f32(LIC_TO_WHOLE)));
    /* Narrowing keeps the low bits. */
    const int16x8_t lo = vcombine_s16(vmovn_s32(whole[0]), vmovn_s32(whole[1]));
    const int16x8_t hi = vcombine_s16(vmovn_s32(whole[2]), vmovn_s32(whole[3]));
    vst1q_s8((int8_t *)(void *)(words + channel / 4), vcombine_s8(vmovn_s16(lo), vmovn_s16(hi)));
}
#if defined(__ARM_FEATURE_DOTPROD)
typedef struct { int32x4_t q[4]; } v16d;
LIC_INLINE v16d v16d_start(const int32_t *offsets)
{
    (void)offsets;
    return (v16d){{vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0)}};
}
LIC_INLINE v16d v16d_dot(v16d sum, v4a a, v16b w)
{
    for (int i = 0; i < 4; i++)
        sum.q[i] = vdotq_s32(sum.q[i], w.q[i], a);
    return sum;
}
LIC_INLINE v16 v16d_value(v16d sum) { V16_MAP(vcvtq_f32_s32(sum.q[i_])); }
#else
/* Two sums for each column, (0, 1) and (2, 3) of each four channels. */
typedef struct { int32x4_t q[8]; } v16d;
LIC_INLINE v16d v16d_start(const int32_t *offsets)
{
    v16d r;
    (void)offsets;
    for (int i = 0; i < 8; i++)
        r.q[i] = vdupq_n_s32(0);
    return r;
}
LIC_INLINE v16d v16d_dot(v16d sum, v4a a, v16b w)
{
    for (int i = 0; i < 4; i++) {
        sum.q[2 * i] =
            vpadalq_s16(sum.q[2 * i], vmull_s8(vget_low_s8(w.q[i]), vget_low_s8(a)));
        sum.q[2 * i + 1] = vpadalq_s16(sum.q[2 * i + 1], vmull_high_s8(w.q[i], a));
    }
    return sum;
}
LIC_INLINE v16 v16d_value(v16d sum)
{
    V16_MAP(vcvtq_f32_s32(vpaddq_s32(sum.q[2 * i_], sum.q[2 * i_ + 1])));
}
#endif

#elif defined(LIC_SIMD_WASM)

enum { LIC_BYTE_SIZE = 2 };
typedef struct { v128_t q[4]; } v16d;
typedef struct { v128_t even[4], odd[4]; } v16b;
typedef struct { v128_t even, odd; } v4a;
LIC_INLINE v16d v16d_start(const int32_t *offsets)
{
    const v128_t zero = wasm_i32x4_splat(0);
    (void)offsets;
    return (v16d){{zero, zero, zero, zero}};
}
LIC_INLINE v16b v16b_load(const int8_t *w)
{
    v16b r;
    for (int i = 0; i < 4; i++) {
        const v128_t both = wasm_v128_load(w + 16 * i);
        r.even[i] = wasm_i16x8_shr(wasm_i16x8_shl(both, 8), 8);
        r.odd[i] = wasm_i16x8_shr(both, 8);
    }
    return r;
}
LIC_INLINE v4a v4a_load(const float *words, size_t step)
{
    return (v4a){wasm_v128_load32_splat(words + 2 * step),
                 wasm_v128_load32_splat(words + 2 * step + 1)};
}
LIC_INLINE v16d v16d_dot(v16d sum, v4a a, v16b w)
{
    for (int i = 0; i < 4; i++) {
        sum.q[i] = wasm_i32x4_add(sum.q[i], wasm_i32x4_dot_i16x8(a.even, w.even[i]));
        sum.q[i] = wasm_i32x4_add(sum.q[i], wasm_i32x4_dot_i16x8(a.odd, w.odd[i]));
    }
    return sum;
}
LIC_INLINE v16 v16d_value(v16d sum) { V16_MAP(wasm_f32x4_convert_i32x4(sum.q[i_])); }
LIC_INLINE void v16_store_bytes(float *words, size_t channel, v16 a)
{
    const v128_t magic = wasm_f32x4_splat(LIC_TO_WHOLE);
    for (int i = 0; i < 4; i++) {
        const v128_t s = wasm_i32x4_sub(wasm_f32x4_add(a.q[i], magic), magic);
        const v128_t four = wasm_i16x8_narrow_i32x4(s, s);
        const v128_t pairs = wasm_i16x8_shuffle(four, four, 0, 2, 1, 3, 0, 2, 1, 3);
        wasm_v128_store64_lane(words + channel / 2 + 2 * i, pairs, 0);
    }
}

#else /* plain C */

enum { LIC_BYTE_SIZE = 1 };
typedef struct { int32_t i[16]; } v16d;
typedef const int8_t *v16b;
typedef struct { int8_t b[4]; } v4a;
LIC_INLINE v16d v16d_start(const int32_t *offsets)
{
    (void)offsets;
    return (v16d){{0}};
}
LIC_INLINE v16b v16b_load(const int8_t *w) { return w; }
LIC_INLINE v4a v4a_load(const float *words, size_t step)
{
    v4a a;
    memcpy(a.b, words + step, sizeof a.b);
    return a;
}
LIC_INLINE v16d v16d_dot(v16d sum, v4a a, v16b w)
{
    for (int i = 0; i < 16; i++)
        for (int c = 0; c < 4; c++)
            sum.i[i] += a.b[c] * w[4 * i + c];
    return sum;
}
LIC_INLINE v16 v16d_value(v16d sum) { V16_MAP((float)sum.i[i_]); }
LIC_INLINE void v16_store_bytes(float *words, size_t channel, v16 a)
{
    uint8_t bytes[16];
    for (int i = 0; i < 16; i++) {
        const float whole = a.f[i] + LIC_TO_WHOLE;
        uint32_t bits;
        memcpy(&bits, &whole, sizeof bits);
        bytes[i] = (uint8_t)bits;
    }
    memcpy(words + channel / 4, bytes, sizeof bytes);
}
#endif

#endif
