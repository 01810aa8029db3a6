/* rates.h - the Lagrange multipliers that the rate levels were trained with
 * (models/train/train.py): spaced evenly in their logarithm over the levels, so that quality and
 * multiplier are two scales of one thing. */
#ifndef LIC_CLI_OPTIONS_RATES_H
#define LIC_CLI_OPTIONS_RATES_H

#define LIC_LAMBDA_LEAST 0.0012
#define LIC_LAMBDA_MOST  0.08

/* Of rate + lambda 255^2 MSE, as CompressAI counts it. */
double lic_rates_lambda(double quality);
double lic_rates_quality(double lambda);

#endif
