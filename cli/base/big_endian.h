/* big_endian.h - numbers of n bytes, highest first, as PNG, JPEG and ICC profiles have them. */
#ifndef LIC_CLI_BASE_BIG_ENDIAN_H
#define LIC_CLI_BASE_BIG_ENDIAN_H

#include <stdint.h>

static inline uint32_t lic_get_be(const uint8_t *at, int n)
{
    uint32_t value = 0;
    for (int i = 0; i < n; i++)
        value = value << 8 | at[i];
    return value;
}

/* Returns what follows. */
static inline uint8_t *lic_put_be(uint8_t *at, uint32_t value, int n)
{
    for (int i = n; i-- > 0;)
        *at++ = (uint8_t)(value >> 8 * i);
    return at;
}

#endif
