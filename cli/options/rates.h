/* rates.h - the Lagrange multipliers that the rate levels of a model were trained with
 * (models/train/train.py): evenly spaced in their logarithm over the levels, so that quality and
 * multiplier are two scales of one thing. */
#ifndef LIC_CLI_OPTIONS_RATES_H
#define LIC_CLI_OPTIONS_RATES_H

#include "codec/lic.h"

/* lambda of rate + lambda 255^2 MSE, as CompressAI counts it; 0 if the model does not say. */
double lic_rates_lambda(const lic_model_info *model, double quality);
/* An error if the model was not trained with this multiplier. */
lic_status lic_rates_quality(const lic_model_info *model, double lambda, double *quality,
                             lic_error *err);

#endif
