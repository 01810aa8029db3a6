/* mask.c - see mask.h: a bit for each block, by those to the left and above. */
#include "entropy/mask.h"

enum { CONTEXTS = 16 };

/* The blocks to the left, above, and beside that one; 0 outside. */
static uint32_t context_of(const lic_mask *m, uint32_t x, uint32_t y)
{
    const uint8_t *now = m->shown + (size_t)y * m->columns + x;
    const uint8_t *above = now - (y > 0 ? m->columns : 0);
    const uint32_t left = x > 0 && now[-1], over = y > 0 && above[0];
    const uint32_t corner = x > 0 && y > 0 && above[-1];
    return left | over << 1 | corner << 2 |
           (uint32_t)(x + 1 < m->columns && y > 0 && above[1]) << 3;
}

void lic_mask_code(lic_mask *m, const lic_bit_coder *coder)
{
    lic_bit_model models[CONTEXTS];
    lic_bit_models_init(models, CONTEXTS);
    for (uint32_t y = 0; y < m->rows; y++)
        for (uint32_t x = 0; x < m->columns; x++) {
            uint8_t *at = m->shown + (size_t)y * m->columns + x;
            *at = lic_bit_code_plain(coder, coder->enc && *at, &models[context_of(m, x, y)]);
        }
}
