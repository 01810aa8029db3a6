/* seal.h - the checksum of files that tests have changed or made by hand. */
#ifndef LIC_TESTS_SEAL_H
#define LIC_TESTS_SEAL_H

#include "codec/base/bytes.h"

static inline void seal(uint8_t *data, size_t bytes, size_t crc_at)
{
    const uint32_t crc = lic_crc32(0, data, crc_at);
    lic_write_u32(data + crc_at, lic_crc32(crc, data + crc_at + 4, bytes - crc_at - 4));
}

#endif
