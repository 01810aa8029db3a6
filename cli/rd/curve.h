/* curve.h - rate-distortion curves: read from CompressAI's JSON or from CSV, checked, and compared
 * as Bjontegaard did (VCEG-M33). A hostile or wrong curve is refused with one line of text. */
#ifndef LIC_CLI_RD_CURVE_H
#define LIC_CLI_RD_CURVE_H

#include "codec/lic.h"

#include <stdbool.h>

enum { LIC_CURVE_MAX_POINTS = 256, LIC_CURVE_MIN_POINTS = 4 };
/* The part of the shorter curve's span of quality that must be common; with less, the figures say
 * little. */
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
 * curve; a single one is a point. Repeated points count once. Of points with equal quality the one
 * with the lowest rate counts. Quality must not fall while the rate rises. */
lic_status lic_curve_read(const char *path, lic_curve_metric metric, lic_curve *curve,
                          lic_error *err);

typedef struct lic_curve_difference {
    double low_db, high_db;      /* the span that both curves have */
    double low_bpp, high_bpp;    /* the same along the rate, if db_pchip is a number */
    double overlap;              /* of the shorter curve's span of quality, 0 to 1 */
    double rate_pchip, db_pchip; /* per cent of rate at equal quality; dB at equal rate */
    double rate_cubic, db_cubic; /* the same by one cubic; NAN for less than four points */
    bool at_point;               /* one of them is a point: the differences there, not means */
} lic_curve_difference;

/* window: NULL, or the lowest and highest quality to consider, in dB, as if the curves ended there.
 * Fails if the curves have no span of quality in common. If they have no span of rate in common,
 * the dB are NAN. A point and a curve are compared where the point is; beyond the curve the result
 * is NAN. */
lic_status lic_curve_compare(const lic_curve *anchor, const lic_curve *test, const double *window,
                             lic_curve_difference *difference, lic_error *err);

#endif
