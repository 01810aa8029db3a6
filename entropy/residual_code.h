/* residual_code.h - what residual_encode.c and residual_decode.c share: one loop over the bits of
 * an error, which each compiles with its direction known. */
#ifndef LIC_ENTROPY_RESIDUAL_CODE_H
#define LIC_ENTROPY_RESIDUAL_CODE_H

#include "entropy/residual.h"

enum { BIT_ZERO = 0, BIT_SIGN = 1, BIT_BUCKET = 4, BIT_FIRST = BIT_BUCKET + LIC_RESIDUAL_BUCKETS };

/* The first two buckets hold size 1 and size 2, a later one 2^width sizes. The last bucket ends
 * beyond every error. */
static inline int width_of(int bucket)
{
    return bucket < 4 ? 1 : bucket - 2;
}

static inline unsigned at_most(unsigned v, unsigned most)
{
    return v < most ? v : most;
}

static inline unsigned halves(const lic_predictor_tables *t, uint32_t v)
{
    return lic_log2_halves_of(lic_quarters(t, v));
}

static inline uint32_t size_of(int32_t v)
{
    return (uint32_t)(v < 0 ? -v : v);
}

/* The models of one sample. */
struct contexts {
    lic_bit_model *planes, *signs, *range;
    lic_bit_weights *weights;
    unsigned sign; /* of the error that the plane before has here */
};

static inline struct contexts choose(lic_residual_models *m, const lic_predictor_tables *t,
                                     const lic_prediction *p)
{
    const unsigned energy = at_most(lic_log2_halves_of(p->level), 31);
    const unsigned part = (unsigned)(p->value + 4) >> 1 & 3;
    return (struct contexts){
        .planes = m->planes[32 * energy + at_most(halves(t, p->other), 31)],
        .signs = m->signs[9 * at_most(p->level, 79) + p->signs],
        .range = m->range[64 * (energy / 2) + 4 * at_most(halves(t, p->range), 15) + part],
        .weights = m->weights,
        .sign = p->sign,
    };
}

/* What the three models say of bit i, which is bit `of_planes` of the first one. */
static inline lic_bit_mix ask(const lic_bit_coder *coder, const struct contexts *c, int i,
                              int of_planes)
{
    return lic_bit_ask(coder->tables, c->planes + of_planes, c->signs + i, c->range + i,
                       c->weights + i);
}

/* The place of a size in bucket i, which has more than one, beginning with `first`. */
static inline uint32_t code_place(const lic_bit_coder *coder, lic_bit_state *s,
                                  const struct contexts *c, int i, uint32_t first, uint32_t size)
{
    const int below = width_of(i) - 1;
    const uint32_t place = size - first;
    const bool high = lic_bit_step_plain(coder, s, place >> below & 1, c->signs + BIT_FIRST + i);
    return first + ((uint32_t)high << below) + lic_bit_step_raw(coder, s, place, below);
}

/* The models of a sample's first bits, see code_error. */
struct ahead {
    lic_bit_mix sign, is_1, is_2;
};

/* A decoder has asked already; an encoder knows which bits there are, and asks for these alone. */
static inline lic_bit_mix answer(const lic_bit_coder *coder, const struct contexts *c,
                                 const lic_bit_mix *ahead, int i, int of_planes)
{
    return coder->dec ? *ahead : ask(coder, c, i, of_planes);
}

/* A size from 1 on. The first two buckets hold one size each. */
static inline uint32_t code_size(const lic_bit_coder *coder, lic_bit_state *s,
                                 const struct contexts *c, const struct ahead *ahead, uint32_t size)
{
    const lic_bit_mix is_1 = answer(coder, c, &ahead->is_1, BIT_BUCKET, BIT_BUCKET);
    if (lic_bit_branch_mixed(coder, s, size == 1, &is_1))
        return 1;
    const lic_bit_mix is_2 = answer(coder, c, &ahead->is_2, BIT_BUCKET + 1, BIT_BUCKET + 1);
    if (lic_bit_branch_mixed(coder, s, size == 2, &is_2))
        return 2;
    uint32_t first = 3;
    int i = 2;
    for (; i < LIC_RESIDUAL_BUCKETS - 1; first += 1u << width_of(i++)) {
        const lic_bit_mix mix = ask(coder, c, BIT_BUCKET + i, BIT_BUCKET + i);
        if (lic_bit_branch_mixed(coder, s, size < first + (1u << width_of(i)), &mix))
            break;
    }
    return code_place(coder, s, c, i, first, size);
}

/* A decoder asks the models of the first buckets before it knows the bits ahead of them: a
 * processor that guessed one of these wrong then loses less. */
static inline int32_t code_error(const lic_bit_coder *coder, const struct contexts *c,
                                 int32_t error)
{
    lic_bit_state s = lic_bit_load(coder);
    int32_t got = 0;
    const int of_sign = BIT_SIGN + (int)c->sign;
    const lic_bit_mix zero = ask(coder, c, BIT_ZERO, BIT_ZERO);
    struct ahead ahead;
    if (coder->dec) {
        ahead.sign = ask(coder, c, BIT_SIGN, of_sign);
        ahead.is_1 = ask(coder, c, BIT_BUCKET, BIT_BUCKET);
        ahead.is_2 = ask(coder, c, BIT_BUCKET + 1, BIT_BUCKET + 1);
    }
    if (!lic_bit_branch_mixed(coder, &s, error == 0, &zero)) {
        const lic_bit_mix sign = answer(coder, c, &ahead.sign, BIT_SIGN, of_sign);
        const int32_t negative = lic_bit_step_mixed(coder, &s, error < 0, &sign);
        got = (int32_t)code_size(coder, &s, c, &ahead, size_of(error));
        got = (got ^ -negative) + negative;
    }
    lic_bit_store(coder, s);
    return got;
}

#endif
