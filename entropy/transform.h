/* transform.h - the colour transforms of lossless.h, sample by sample. */
#ifndef LIC_ENTROPY_TRANSFORM_H
#define LIC_ENTROPY_TRANSFORM_H

#include "entropy/lossless.h"

static inline void lic_transform_forward(lic_transform t, int32_t v[3])
{
    const int32_t r = v[0], g = v[1], b = v[2];
    switch (t) {
    case LIC_TRANSFORM_YCOCG: {
        const int32_t mean = b + ((r - b) >> 1);
        v[1] = r - b;
        v[2] = g - mean;
        v[0] = mean + (v[2] >> 1);
        break;
    }
    case LIC_TRANSFORM_GREEN:
        v[0] = g;
        v[1] = r - g;
        v[2] = b - g;
        break;
    case LIC_TRANSFORM_GREEN_2:
        v[0] = g;
        v[1] = r - g;
        v[2] = b - ((r + g) >> 1);
        break;
    default:
        break;
    }
}

static inline void lic_transform_inverse(lic_transform t, int32_t v[3])
{
    const int32_t x = v[0], y = v[1], z = v[2];
    switch (t) {
    case LIC_TRANSFORM_YCOCG: {
        const int32_t mean = x - (z >> 1);
        v[2] = mean - (y >> 1);
        v[1] = z + mean;
        v[0] = y + v[2];
        break;
    }
    case LIC_TRANSFORM_GREEN:
        v[0] = y + x;
        v[1] = x;
        v[2] = z + x;
        break;
    case LIC_TRANSFORM_GREEN_2:
        v[0] = y + x;
        v[1] = x;
        v[2] = z + ((v[0] + x) >> 1);
        break;
    default:
        break;
    }
}

#endif
