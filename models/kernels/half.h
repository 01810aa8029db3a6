/* half.h - IEEE binary16, the type of most weights, as binary32: exact. */
#ifndef LIC_KERNELS_HALF_H
#define LIC_KERNELS_HALF_H

#include <stdint.h>
#include <string.h>

/* The exponent is shifted into place and the bias corrected by an exact multiplication, which also
 * normalises subnormals. Infinity and NaN come out above 65504. */
static inline float lic_half_value(unsigned h)
{
    uint32_t bits = (h & 0x7FFFu) << 13;
    float f;
    memcpy(&f, &bits, sizeof f);
    f *= 5192296858534827628530496329220096.0f; /* 2^112 */
    memcpy(&bits, &f, sizeof bits);
    bits |= (h & 0x8000u) << 16;
    memcpy(&f, &bits, sizeof f);
    return f;
}

#endif
