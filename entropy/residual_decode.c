/* residual_decode.c - see residual.h. */
#include "entropy/residual_code.h"

int32_t lic_residual_decode(const lic_bit_coder *coder, lic_residual_models *models,
                            const lic_predictor_tables *tables, const lic_prediction *p)
{
    const struct contexts c = choose(models, tables, p);
    const lic_bit_coder decoder = {.dec = coder->dec, .tables = coder->tables};
    return ((p->value + 4) >> 3) + code_error(&decoder, &c, 0);
}
