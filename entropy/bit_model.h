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
    int64_t share[LIC_BIT_COUNTS];     /* of the distance that a model moves, in 1 / 65536 */
    uint32_t grows[LIC_BIT_COUNTS];    /* 1 if the count does */
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

/* Where a coder is in its interval: `low` of an encoder, `code` of a decoder. Functions that code
 * many bits keep it in registers, from lic_bit_load to lic_bit_store. */
typedef struct lic_bit_state {
    uint64_t at, range;
} lic_bit_state;

static inline lic_bit_state lic_bit_load(const lic_bit_coder *c)
{
    return c->dec ? (lic_bit_state){c->dec->code, c->dec->range}
                  : (lic_bit_state){c->enc->low, c->enc->range};
}

static inline void lic_bit_store(const lic_bit_coder *c, lic_bit_state s)
{
    if (c->dec) {
        c->dec->code = s.at;
        c->dec->range = s.range;
    } else {
        c->enc->low = s.at;
        c->enc->range = s.range;
    }
}

/* Takes the part of the interval that belongs to a bit; `share` of it is for a 1 and lies lower. */
static inline void lic_bit_take(const lic_bit_coder *c, lic_bit_state *s, bool bit, uint64_t share)
{
    const uint64_t start = bit ? 0 : share;
    s->range = bit ? share : s->range - share;
    s->at = c->dec ? s->at - start : s->at + start;
    if (s->range < LIC_RANGE_MIN || (!c->dec && s->at < start)) {
        lic_bit_store(c, *s);
        if (c->dec)
            lic_range_refill(c->dec);
        else
            lic_range_settle(c->enc, start);
        *s = lic_bit_load(c);
    }
}

/* Codes a bit that is 1 with probability p / 65536, 0 < p < 65536, and returns it. Here and below,
 * the argument counts only when encoding. */
static inline bool lic_bit_step(const lic_bit_coder *c, lic_bit_state *s, bool bit, uint32_t p)
{
    const uint64_t share = (s->range >> LIC_CDF_BITS) * p;
    bit = c->dec ? s->at < share : bit;
    lic_bit_take(c, s, bit, share);
    return bit;
}

/* Codes n bits that nothing is known about, highest first. */
static inline uint32_t lic_bit_step_raw(const lic_bit_coder *c, lic_bit_state *s, uint32_t value,
                                        int n)
{
    uint32_t got = 0;
    while (n-- > 0)
        got = got << 1 | lic_bit_step(c, s, value >> n & 1, LIC_CDF_TOTAL / 2);
    return got;
}

static inline void lic_bit_learn(const lic_bit_tables *t, lic_bit_model *model, bool bit)
{
    const lic_bit_model m = *model;
    const uint32_t seen = m % LIC_BIT_COUNTS;
    const int64_t goal = -(int64_t)bit & ((1 << 22) - 1);
    const int64_t step = (goal - (int64_t)(m >> 10)) * t->share[seen] >> 16;
    *model = m + ((uint32_t)step << 10) + t->grows[seen];
}

/* One model alone. */
static inline bool lic_bit_step_plain(const lic_bit_coder *c, lic_bit_state *s, bool bit,
                                      lic_bit_model *model)
{
    const uint32_t p = *model >> 16;
    bit = lic_bit_step(c, s, bit, p < 32 ? 32 : p > LIC_CDF_TOTAL - 32 ? LIC_CDF_TOTAL - 32 : p);
    lic_bit_learn(c->tables, model, bit);
    return bit;
}

/* Three models of one bit, and what they say together. */
typedef struct lic_bit_mix {
    lic_bit_model *m[LIC_BIT_INPUTS];
    lic_bit_weights *weights;
    int32_t stretch[LIC_BIT_INPUTS];
    uint32_t p;
} lic_bit_mix;

static inline lic_bit_mix lic_bit_ask(const lic_bit_tables *t, lic_bit_model *m0, lic_bit_model *m1,
                                      lic_bit_model *m2, lic_bit_weights *weights)
{
    const int32_t s0 = t->stretch[*m0 >> 20], s1 = t->stretch[*m1 >> 20],
                  s2 = t->stretch[*m2 >> 20];
    const int64_t sum =
        (int64_t)weights->w[0] * s0 + (int64_t)weights->w[1] * s1 + (int64_t)weights->w[2] * s2;
    int64_t x = sum >> 16;
    x = x > 2047 ? 2047 : x < -2047 ? -2047 : x;
    return (lic_bit_mix){{m0, m1, m2}, weights, {s0, s1, s2}, t->squash[x + 2048]};
}

static inline void lic_bit_learn_mixed(const lic_bit_tables *t, const lic_bit_mix *mix, bool bit)
{
    const int32_t miss = (-(int32_t)bit & 65535) - (int32_t)mix->p;
    for (int i = 0; i < LIC_BIT_INPUTS; i++) {
        mix->weights->w[i] += (mix->stretch[i] * miss + 32768) >> 16;
        lic_bit_learn(t, mix->m[i], bit);
    }
}

static inline bool lic_bit_step_mixed(const lic_bit_coder *c, lic_bit_state *s, bool bit,
                                      const lic_bit_mix *mix)
{
    bit = lic_bit_step(c, s, bit, mix->p);
    lic_bit_learn_mixed(c->tables, mix, bit);
    return bit;
}

/* The same, for a bit that decides what is coded next. A processor has to guess it anyway, and goes
 * on with the interval that it guessed without waiting for the code. */
static inline bool lic_bit_branch_mixed(const lic_bit_coder *c, lic_bit_state *s, bool bit,
                                        const lic_bit_mix *mix)
{
    const uint64_t share = (s->range >> LIC_CDF_BITS) * mix->p;
    if (c->dec ? s->at < share : bit) {
        lic_bit_take(c, s, true, share);
        lic_bit_learn_mixed(c->tables, mix, true);
        return true;
    }
    lic_bit_take(c, s, false, share);
    lic_bit_learn_mixed(c->tables, mix, false);
    return false;
}

/* ---- one at a time ---- */

static inline uint32_t lic_bit_code_raw(const lic_bit_coder *c, uint32_t value, int n)
{
    lic_bit_state s = lic_bit_load(c);
    value = lic_bit_step_raw(c, &s, value, n);
    lic_bit_store(c, s);
    return value;
}

static inline bool lic_bit_code_plain(const lic_bit_coder *c, bool bit, lic_bit_model *model)
{
    lic_bit_state s = lic_bit_load(c);
    bit = lic_bit_step_plain(c, &s, bit, model);
    lic_bit_store(c, s);
    return bit;
}

static inline bool lic_bit_code_mixed(const lic_bit_coder *c, bool bit, lic_bit_model *m0,
                                      lic_bit_model *m1, lic_bit_model *m2,
                                      lic_bit_weights *weights)
{
    lic_bit_state s = lic_bit_load(c);
    const lic_bit_mix mix = lic_bit_ask(c->tables, m0, m1, m2, weights);
    bit = lic_bit_step_mixed(c, &s, bit, &mix);
    lic_bit_store(c, s);
    return bit;
}

#endif
