/* residual.c - see residual.h. */
#include "entropy/residual.h"

#include "entropy/log2.h"

enum { BIT_ZERO = 0, BIT_SIGN = 1, BIT_BUCKET = 4, BIT_FIRST = BIT_BUCKET + LIC_RESIDUAL_BUCKETS };

/* Bucket i holds 2^width[i] sizes; the first size is 1. The last bucket ends beyond every error. */
static const uint8_t width[LIC_RESIDUAL_BUCKETS] = {0, 0, 1,  1,  2,  3,  4,  5,  6, 7,
                                                    8, 9, 10, 11, 12, 13, 14, 15, 16};

void lic_residual_init(lic_residual_models *m)
{
    lic_bit_models_init(m->planes[0], LIC_CONTEXTS_PLANES * LIC_RESIDUAL_BITS);
    lic_bit_models_init(m->signs[0], LIC_CONTEXTS_SIGNS * LIC_RESIDUAL_BITS);
    lic_bit_models_init(m->range[0], LIC_CONTEXTS_RANGE * LIC_RESIDUAL_BITS);
    lic_bit_weights_init(m->weights, LIC_RESIDUAL_BITS);
}

static unsigned at_most(unsigned v, unsigned most)
{
    return v < most ? v : most;
}

static uint32_t size_of(int32_t v)
{
    return (uint32_t)(v < 0 ? -v : v);
}

/* 0: none, 1: below zero, 2: above. */
static unsigned sign_of(int32_t v)
{
    return v < 0 ? 1 : v > 0 ? 2 : 0;
}

/* The models of one sample. */
struct contexts {
    lic_bit_model *planes, *signs, *range;
    lic_bit_weights *weights;
    unsigned sign; /* of the error that the plane before has here */
};

static struct contexts choose(lic_residual_models *m, const lic_plane *planes, int index,
                              uint32_t x, const lic_prediction *p)
{
    const lic_plane *plane = &planes[index];
    const unsigned energy = at_most(lic_log2_halves(p->energy), 31);
    uint32_t other = p->spread;
    struct contexts c = {.weights = m->weights};
    if (plane->n_others > 0) {
        const int32_t before = planes[index - 1].errors[0][x];
        other = size_of(before);
        c.sign = sign_of(before);
    }
    if (plane->n_others > 1)
        other = 2 * other + size_of(planes[index - 2].errors[0][x]);
    const int32_t *left = plane->errors[0] + x - 1, *up = plane->errors[1] + x;
    const unsigned part = (unsigned)(p->value + 4) >> 1 & 3;
    c.planes = m->planes[32 * energy + at_most(lic_log2_halves(other), 31)];
    c.signs =
        m->signs[9 * at_most(lic_log2_quarters(p->energy), 79) + 3 * sign_of(*left) + sign_of(*up)];
    c.range = m->range[64 * (energy / 2) + 4 * at_most(lic_log2_halves(p->range), 15) + part];
    return c;
}

static bool code_bit(const lic_bit_coder *coder, const struct contexts *c, int i, bool bit)
{
    return lic_bit_code_mixed(coder, bit, c->planes + i, c->signs + i, c->range + i,
                              c->weights + i);
}

static bool code_sign(const lic_bit_coder *coder, const struct contexts *c, bool negative)
{
    const int i = BIT_SIGN;
    return lic_bit_code_mixed(coder, negative, c->planes + i + c->sign, c->signs + i, c->range + i,
                              c->weights + i);
}

/* A size from 1 on. */
static uint32_t code_size(const lic_bit_coder *coder, const struct contexts *c, uint32_t size)
{
    uint32_t first = 1;
    int i = 0;
    while (i < LIC_RESIDUAL_BUCKETS - 1 &&
           !code_bit(coder, c, BIT_BUCKET + i, size < first + (1u << width[i])))
        first += 1u << width[i++];
    if (width[i] == 0)
        return first;
    const int below = width[i] - 1;
    const uint32_t place = size - first;
    const bool high = lic_bit_code_plain(coder, place >> below & 1, c->signs + BIT_FIRST + i);
    return first + ((uint32_t)high << below) + lic_bit_code_raw(coder, place, below);
}

int32_t lic_residual_code(const lic_bit_coder *coder, lic_residual_models *models,
                          const lic_plane *planes, int index, uint32_t x, const lic_prediction *p,
                          int32_t sample)
{
    const struct contexts c = choose(models, planes, index, x, p);
    const int32_t predicted = (p->value + 4) >> 3, error = sample - predicted;
    if (code_bit(coder, &c, BIT_ZERO, error == 0))
        return predicted;
    const bool negative = code_sign(coder, &c, error < 0);
    const int32_t size = (int32_t)code_size(coder, &c, size_of(error));
    return negative ? predicted - size : predicted + size;
}
