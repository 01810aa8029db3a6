/* rates.c - see rates.h. */
#include "cli/options/rates.h"

#include <math.h>

double lic_rates_lambda(double quality)
{
    return LIC_LAMBDA_LEAST * pow(LIC_LAMBDA_MOST / LIC_LAMBDA_LEAST, quality / 100);
}

double lic_rates_quality(double lambda)
{
    double quality = 100 * log(lambda / LIC_LAMBDA_LEAST) / log(LIC_LAMBDA_MOST / LIC_LAMBDA_LEAST);
    return fmin(fmax(quality, 0), 100); /* the ends may be missed by a rounding */
}
