/* residual_encode.c - see residual.h. */
#include "entropy/residual_code.h"

void lic_residual_encode(const lic_bit_coder *coder, lic_residual_models *models,
                         const lic_predictor_tables *tables, const lic_prediction *p, int32_t error)
{
    const struct contexts c = choose(models, tables, p);
    const lic_bit_coder encoder = {.enc = coder->enc, .tables = coder->tables};
    code_error(&encoder, &c, error);
}
