/* ppm.h - reads an 8-bit PPM into memory, for the benchmarks: only their own pictures, not hostile
 * ones. */
#ifndef LIC_TESTS_BENCH_PPM_H
#define LIC_TESTS_BENCH_PPM_H

#include "codec/lic.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* 8 bits, RGB; false if it is anything else. */
static bool read_ppm(const char *path, lic_image *image)
{
    FILE *f = fopen(path, "rb");
    unsigned width, height, top;
    if (!f || fscanf(f, "P6 %u %u %u", &width, &height, &top) != 3 || top != 255)
        return false;
    fgetc(f);
    *image = (lic_image){.stride_bytes = 3 * (size_t)width,
                         .width = width,
                         .height = height,
                         .channels = 3,
                         .depth = 8};
    const size_t bytes = image->stride_bytes * height;
    image->data = malloc(bytes);
    const bool good = image->data && fread(image->data, 1, bytes, f) == bytes;
    fclose(f);
    return good;
}

#endif
