/* sweep.h - what lic sweep measures, and its two files: OUT.json as CompressAI writes it, and
 * OUT.json.part, which gets every measurement at once, so that an interrupted sweep continues where
 * it stopped. */
#ifndef LIC_CLI_RD_SWEEP_H
#define LIC_CLI_RD_SWEEP_H

#include "cli/options/settings.h"

#include <stdio.h>

/* What is measured: PSNR infinite: equal; MS-SSIM NAN: too small a picture; seconds. */
enum {
    LIC_SWEEP_BPP,
    LIC_SWEEP_PSNR,
    LIC_SWEEP_MSSSIM,
    LIC_SWEEP_ENCODE,
    LIC_SWEEP_DECODE,
    LIC_SWEEP_N
};

typedef struct lic_sweep_cell {
    bool done;
    size_t bytes;
    double values[LIC_SWEEP_N];
} lic_sweep_cell;

typedef struct lic_sweep_picture {
    char *path;
    const char *name; /* in the path, after the folder */
    uint32_t width, height;
    uint32_t crc;          /* of the file, to know it again */
    lic_sweep_cell *cells; /* [n_qualities] */
} lic_sweep_picture;

typedef struct lic_sweep {
    lic_sweep_picture *pictures;
    size_t n_pictures;
    const double *qualities;
    int n_qualities;
    uint32_t tile_side; /* 0: the library's */
    lic_model_info model;
    lic_cpu cpu; /* these three as requested, since times depend on them */
    int threads;
    lic_backend backend;
    bool force; /* a part file of another sweep may go */
    char *part_path;
    FILE *part;
    lic_json_lines json; /* not open: not asked for */
} lic_sweep;

static inline double lic_sweep_bpp(size_t bytes, uint32_t width, uint32_t height)
{
    return 8.0 * (double)bytes / ((double)width * height);
}

/* Takes over the measurements of an earlier run of the same sweep (*n_taken) and opens the file for
 * more. The crc of the pictures must be set. */
lic_status lic_sweep_part_open(lic_sweep *sweep, size_t *n_taken, lic_error *err);
lic_status lic_sweep_part_add(lic_sweep *sweep, const lic_sweep_picture *picture, int quality,
                              lic_error *err);

#endif
