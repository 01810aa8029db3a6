/* residual.h - codes the error of a prediction as bits: whether it is zero, its sign, the bucket of
 * its size (one bit for each bucket that it is not in), and the first bit of its place there, with
 * one model; lower bits are not modelled. Each of the other bits has three models, chosen by how
 * sure the prediction is and by the errors of earlier planes at the same pixel. */
#ifndef LIC_ENTROPY_RESIDUAL_H
#define LIC_ENTROPY_RESIDUAL_H

#include "entropy/bit_model.h"
#include "entropy/predictor.h"

enum {
    LIC_RESIDUAL_BITS = 48, /* zero; sign after three kinds of signs; 19 buckets; 19 first bits */
    LIC_RESIDUAL_BUCKETS = 19,
    LIC_CONTEXTS_PLANES = 32 * 32,   /* energy; errors of the planes before, or spread */
    LIC_CONTEXTS_SIGNS = 9 * 80,     /* energy, finely; signs of the errors around */
    LIC_CONTEXTS_RANGE = 4 * 16 * 16 /* part of a sample; range of the neighbours; energy */
};

typedef struct lic_residual_models {
    lic_bit_model planes[LIC_CONTEXTS_PLANES][LIC_RESIDUAL_BITS];
    lic_bit_model signs[LIC_CONTEXTS_SIGNS][LIC_RESIDUAL_BITS];
    lic_bit_model range[LIC_CONTEXTS_RANGE][LIC_RESIDUAL_BITS];
    lic_bit_weights weights[LIC_RESIDUAL_BITS];
} lic_residual_models;

void lic_residual_init(lic_residual_models *models);
/* Codes the error of `p`. */
void lic_residual_encode(const lic_bit_coder *coder, lic_residual_models *models,
                         const lic_predictor_tables *tables, const lic_prediction *p,
                         int32_t error);
/* Returns the sample that `p` predicts. It may lie outside of the plane's range if the code is not
 * an encoder's. */
int32_t lic_residual_decode(const lic_bit_coder *coder, lic_residual_models *models,
                            const lic_predictor_tables *tables, const lic_prediction *p);

#endif
