/* rates.c - see rates.h. */
#include "cli/options/rates.h"

#include "cli/base/report.h"

#include <math.h>

double lic_rates_lambda(const lic_model_info *model, double quality)
{
    const double least = model->lambda[0], most = model->lambda[1];
    return least > 0 ? least * pow(most / least, quality / 100) : 0;
}

lic_status lic_rates_quality(const lic_model_info *model, double lambda, double *quality,
                             lic_error *err)
{
    const double least = model->lambda[0], most = model->lambda[1], rounding = 1e-6;
    if (!(least > 0))
        return lic_report_fail(err, LIC_ERR_ARGUMENT,
                               "the model %s does not say its Lagrange multipliers", model->name);
    if (!(lambda >= least * (1 - rounding) && lambda <= most * (1 + rounding)))
        return lic_report_fail(err, LIC_ERR_ARGUMENT, "--lambda %g: the model %s has %g to %g",
                               lambda, model->name, least, most);
    *quality = fmin(fmax(100 * log(lambda / least) / log(most / least), 0), 100);
    return LIC_OK;
}
