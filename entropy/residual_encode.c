/* residual_encode.c - see residual.h. */
#include "entropy/residual_code.h"

void lic_residual_encode(const lic_bit_coder *coder, lic_residual_models *models,
                         const lic_plane *planes, int index, uint32_t x, const lic_prediction *p)
{
    const struct contexts c = choose(models, planes, index, x, p);
    const lic_bit_coder encoder = {.enc = coder->enc, .tables = coder->tables};
    code_error(&encoder, &c, planes[index].errors[0][x]);
}
