/* bit_model.h - adaptive binary models over the range coder, mixed in the logistic domain.
 *
 * A model is a probability that moves towards each bit it sees, fast at first and then slower. For
 * one bit three models of different contexts are mixed: their log-odds ("stretch"), weighted, give
 * the log-odds that is coded with ("squash"); the weights then follow the gradient of the coding
 * cost (Mahoney, "Adaptive weighing of context models for lossless data compression", 2005).
 * Integers only; both directions run the same code. FORMAT.md has the arithmetic. */
#ifndef LIC_ENTROPY_BIT_MODEL_H
#define LIC_ENTROPY_BIT_MODEL_H

#include "entropy/range_coder.h"

enum {
    LIC_BIT_INPUTS = 3,
    LIC_BIT_COUNTS = 256, /* a model's count of bits seen ends here */
    LIC_STRETCH_SIZE = 4096,
    LIC_SQUASH_SIZE = 4096
};

/* High 22 bits: probability of a 1; low 10: bits seen. */
typedef uint32_t lic_bit_model;
#define LIC_BIT_MODEL_START ((lic_bit_model)1 << 31)

/* Weights of the models in 1 / 65536. */
typedef struct lic_bit_weights {
    int32_t w[LIC_BIT_INPUTS];
} lic_bit_weights;

typedef struct lic_bit_tables {
    int16_t stretch[LIC_STRETCH_SIZE]; /* log-odds in 1 / 256, of probabilities in 1 / 4096 */
    uint16_t squash[LIC_SQUASH_SIZE];  /* the reverse, log-odds + 2048: in 1 / 65536 */
    uint16_t rate[LIC_BIT_COUNTS];     /* share of the distance that a model moves, in 1 /
                                          65536 */
} lic_bit_tables;

/* Exactly one of enc and dec is set. */
typedef struct lic_bit_coder {
    lic_range_encoder *enc;
    lic_range_decoder *dec;
    const lic_bit_tables *tables;
} lic_bit_coder;

void lic_bit_tables_init(lic_bit_tables *tables);
void lic_bit_models_init(lic_bit_model *models, size_t n);
void lic_bit_weights_init(lic_bit_weights *weights, size_t n);

/* Codes a bit that is 1 with probability p / 65536 and returns it. Here and below, the argument
 * counts only when encoding. */
static inline bool lic_bit_code(const lic_bit_coder *c, bool bit, uint32_t p)
{
    if (c->dec)
        return lic_range_decode_bit(c->dec, p);
    lic_range_encode_bit(c->enc, bit, p);
    return bit;
}

/* Codes n bits that nothing is known about, highest first. */
static inline uint32_t lic_bit_code_raw(const lic_bit_coder *c, uint32_t value, int n)
{
    uint32_t got = 0;
    while (n-- > 0)
        got = got << 1 | lic_bit_code(c, value >> n & 1, LIC_CDF_TOTAL / 2);
    return got;
}

static inline void lic_bit_learn(const lic_bit_tables *t, lic_bit_model *model, bool bit)
{
    const uint32_t count = *model & 1023;
    const int32_t p = (int32_t)(*model >> 10), goal = bit ? (1 << 22) - 1 : 0;
    const int64_t step = ((int64_t)(goal - p) * t->rate[count]) >> 16;
    *model += ((uint32_t)step << 10) + (count < LIC_BIT_COUNTS - 1);
}

/* One model alone. */
static inline bool lic_bit_code_plain(const lic_bit_coder *c, bool bit, lic_bit_model *model)
{
    const uint32_t p = *model >> 16;
    bit = lic_bit_code(c, bit, p < 32 ? 32 : p > LIC_CDF_TOTAL - 32 ? LIC_CDF_TOTAL - 32 : p);
    lic_bit_learn(c->tables, model, bit);
    return bit;
}

/* Three models, mixed. */
static inline bool lic_bit_code_mixed(const lic_bit_coder *c, bool bit, lic_bit_model *m0,
                                      lic_bit_model *m1, lic_bit_model *m2, lic_bit_weights *mix)
{
    const lic_bit_tables *t = c->tables;
    const int32_t s0 = t->stretch[*m0 >> 20], s1 = t->stretch[*m1 >> 20],
                  s2 = t->stretch[*m2 >> 20];
    const int64_t sum = (int64_t)mix->w[0] * s0 + (int64_t)mix->w[1] * s1 + (int64_t)mix->w[2] * s2;
    int64_t x = sum >> 16;
    x = x > 2047 ? 2047 : x < -2047 ? -2047 : x;
    const uint32_t p = t->squash[x + 2048];
    bit = lic_bit_code(c, bit, p);
    const int32_t miss = (bit ? 65535 : 0) - (int32_t)p;
    mix->w[0] += (s0 * miss + 32768) >> 16;
    mix->w[1] += (s1 * miss + 32768) >> 16;
    mix->w[2] += (s2 * miss + 32768) >> 16;
    lic_bit_learn(t, m0, bit);
    lic_bit_learn(t, m1, bit);
    lic_bit_learn(t, m2, bit);
    return bit;
}

#endif
