/* lossless_head.c - what the code of a raster begins with: the encoder's choices, and tables of the
 * values that occur (lossless.h). */
#include "entropy/lossless.h"

enum { TRANSFORM_BITS = 2 };

/* Codes the distance from one value to the next: how many bits it has, then these bits. */
struct gap_models {
    lic_bit_model bits[17], low[17][32];
};

static uint32_t code_gap(const lic_bit_coder *coder, struct gap_models *m, uint32_t gap)
{
    unsigned n = 0;
    while (n < 16 && !lic_bit_code_plain(coder, gap >> n == 1, &m->bits[n]))
        n++;
    uint32_t got = 1;
    for (unsigned i = n; i-- > 0;)
        got = got << 1 | lic_bit_code_plain(coder, gap >> i & 1, &m->low[n][i]);
    return got;
}

/* Values in rising order. */
static void code_table(lic_lossless *l, const lic_bit_coder *coder, uint32_t channel)
{
    struct gap_models m;
    lic_bit_models_init(m.bits, 17);
    lic_bit_models_init(m.low[0], 17 * 32);
    const uint32_t top = (1u << l->depth) - 1;
    const uint32_t n = 1 + lic_bit_code_raw(coder, l->n_values[channel] - 1, (int)l->depth);
    uint16_t *values = l->value_of[channel];
    uint32_t value = UINT32_MAX; /* one before 0 */
    for (uint32_t i = 0; i < n; i++) {
        value += code_gap(coder, &m, values[i] - value);
        value = value < top ? value : top;
        values[i] = (uint16_t)value;
        l->number_of[channel][value] = (uint16_t)i;
    }
    l->n_values[channel] = n;
}

static void plain_table(lic_lossless *l, uint32_t channel)
{
    l->n_values[channel] = 1u << l->depth;
    for (uint32_t v = 0; v < l->n_values[channel]; v++)
        l->value_of[channel][v] = l->number_of[channel][v] = (uint16_t)v;
}

void lic_lossless_code_head(lic_lossless *l, const lic_bit_coder *coder)
{
    lic_lossless_choice *choice = &l->choice;
    choice->raw = lic_bit_code_raw(coder, choice->raw, 1);
    choice->transform =
        (lic_transform)lic_bit_code_raw(coder, (uint32_t)choice->transform, TRANSFORM_BITS);
    choice->repeats = lic_bit_code_raw(coder, choice->repeats, 1);
    choice->colours = lic_bit_code_raw(coder, choice->colours, 1);
    choice->slopes = !l->old_head && lic_bit_code_raw(coder, choice->slopes, 1);
    l->transform = l->channels < 3 ? LIC_TRANSFORM_NONE : choice->transform;
    l->highest = 0;
    for (uint32_t i = 0; i < l->channels; i++) {
        choice->tables[i] = lic_bit_code_raw(coder, choice->tables[i], 1);
        if (choice->tables[i])
            code_table(l, coder, i);
        else
            plain_table(l, i);
        if (!lic_lossless_is_alpha(l, i) && (int32_t)l->n_values[i] - 1 > l->highest)
            l->highest = (int32_t)l->n_values[i] - 1;
    }
}
