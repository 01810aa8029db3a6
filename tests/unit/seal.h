/* seal.h - the checksum of files that tests have changed or made by hand. */
#ifndef LIC_TESTS_SEAL_H
#define LIC_TESTS_SEAL_H

#include "codec/base/bytes.h"

/* Where the checksum of a file is: behind sizes, tiles, model and quality (not in version 3) and
 * the check of the latents. */
static inline size_t crc_place(const uint8_t *file)
{
    size_t at = 5;
    for (int i = 0; i < 2; at++)
        i += !(file[at] & 0x80);
    return at + (file[4] & 0x80 ? 2 : 0) + ((file[4] & 7) == 3 ? 0 : 6) + 4;
}

static inline void seal(uint8_t *data, size_t bytes, size_t at)
{
    const uint32_t crc = lic_crc32(0, data, at);
    lic_write_u32(data + at, lic_crc32(crc, data + at + 4, bytes - at - 4));
}

#endif
