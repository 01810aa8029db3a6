/* residual.c - see residual.h. */
#include "entropy/residual.h"

void lic_residual_init(lic_residual_models *m)
{
    lic_bit_models_init(m->planes[0], LIC_CONTEXTS_PLANES * LIC_RESIDUAL_BITS);
    lic_bit_models_init(m->signs[0], LIC_CONTEXTS_SIGNS * LIC_RESIDUAL_BITS);
    lic_bit_models_init(m->range[0], LIC_CONTEXTS_RANGE * LIC_RESIDUAL_BITS);
    lic_bit_weights_init(m->weights, LIC_RESIDUAL_BITS);
}
