/* metrics.h - how far one picture is from another, as the literature measures it: PSNR over all
 * samples on a scale of 8 bits, and MS-SSIM (Wang, Simoncelli, Bovik 2003) with the details of
 * pytorch-msssim, which papers on learned codecs use: 5 scales, 11x11 Gaussian window of sigma 1.5
 * without padding, 2x2 means between scales, per channel, then the mean of the channels. In double
 * precision. */
#ifndef LIC_CLI_RD_METRICS_H
#define LIC_CLI_RD_METRICS_H

#include "codec/lic.h"

#include <stdbool.h>

typedef struct lic_metrics {
    double mse;       /* 0..255^2 */
    double psnr;      /* dB; infinite for equal pictures */
    bool has_msssim;  /* false if the shorter side is less than LIC_MSSSIM_MIN_SIDE */
    double msssim;    /* 1 for equal pictures */
    double msssim_db; /* -10 log10(1 - msssim) */
} lic_metrics;

/* The window must fit at the fifth scale: (11 - 1) * 2^4 + 1. */
enum { LIC_MSSSIM_MIN_SIDE = 161 };

/* Both pictures have the same size, 1 to 4 channels and 8 or 16 bits. Alpha does not count. All 16
 * bits count if both have them, on the scale of 8. Fails only for lack of memory. */
lic_status lic_metrics_compare(const lic_image *reference, const lic_image *picture,
                               lic_metrics *metrics, lic_error *err);

#endif
