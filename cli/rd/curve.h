/* curve.h - rate-distortion curves: read from CompressAI's JSON or from CSV, checked, and compared
 * as Bjontegaard did (VCEG-M33). Curves are told to be hostile or wrong with one line of text. */
#ifndef LIC_CLI_RD_CURVE_H
#define LIC_CLI_RD_CURVE_H

#include "codec/lic.h"

#include <stdbool.h>

enum { LIC_CURVE_MAX_POINTS = 256, LIC_CURVE_MIN_POINTS = 4 };
/* Of the shorter curve's span of quality: with less in common the figures say little. */
#define LIC_CURVE_LEAST_OVERLAP 0.5

typedef enum lic_curve_metric { LIC_CURVE_PSNR, LIC_CURVE_MSSSIM } lic_curve_metric;

typedef struct lic_curve {
    char name[64];
    int n;
    double bpp[LIC_CURVE_MAX_POINTS]; /* rising */
    double db[LIC_CURVE_MAX_POINTS];  /* rising; MS-SSIM as -10 log10(1 - value) */
    char warning[160];                /* of points that were left out; "" if there were none */
} lic_curve;

/* JSON if the text begins with a brace, else CSV. Points are sorted by bpp. Four or more make a
 * curve, and one is a point. Points that repeat count once; of those of one quality the one of the
 * lowest rate counts; quality may not fall while the rate rises. */
lic_status lic_curve_read(const char *path, lic_curve_metric metric, lic_curve *curve,
                          lic_error *err);

typedef struct lic_curve_difference {
    double low_db, high_db;      /* the span that both curves have */
    double low_bpp, high_bpp;    /* the same along the rate, if db_pchip is a number */
    double overlap;              /* of the shorter curve's span of quality, 0 to 1 */
    double rate_pchip, db_pchip; /* per cent of rate at equal quality; dB at equal rate */
    double rate_cubic, db_cubic; /* the same by one cubic; NAN for less than four points */
    bool at_point;               /* one of them is a point: not means, but differences there */
} lic_curve_difference;

/* window: NULL, or the lowest and highest quality to look at, in dB, as if the curves ended there.
 * Fails if the curves share no span of quality. If they share none of rate, the dB are NAN. A point
 * and a curve are compared where the point is; what lies beyond the curve is NAN. */
lic_status lic_curve_compare(const lic_curve *anchor, const lic_curve *test, const double *window,
                             lic_curve_difference *difference, lic_error *err);

#endif
