/* container_layout.c - see container_layout.h. */
#include "codec/container_layout.h"

#include "codec/base/bytes.h"
#include "entropy/mask.h"

#include <string.h>

const uint8_t lic_file_signature[] = {0x9B, 'l', 'i', 'c'};
const uint8_t lic_srgb[] = {'s', 'R', 'G', 'B', 1, 0};
const uint8_t lic_packed_srgb[] = {0x78, 0x01, 0x01, 6, 0,    0xF9, 0xFF, 's', 'R',
                                   'G',  'B',  1,    0, 0x06, 0x36, 0x01, 0x50};

size_t lic_exact_blocks(const lic_container *c)
{
    return (size_t)lic_mask_blocks(c->width) * lic_mask_blocks(c->height);
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool lic_chunk_type_is_valid(const char *type)
{
    for (int i = 1; i < TYPE_BYTES; i++)
        if (type[i] < 0x20 || type[i] > 0x7E)
            return false;
    return is_letter(type[0]);
}

bool lic_chunk_is(const char *type, const char *known)
{
    return memcmp(type, known, TYPE_BYTES) == 0;
}

bool lic_chunk_is_unknown_and_critical(const char *type)
{
    return type[0] >= 'A' && type[0] <= 'Z' && !lic_chunk_is(type, LIC_ALPHA_TYPE) &&
           !lic_chunk_is(type, LIC_EXACT_TYPE);
}

bool lic_chunk_fits_picture(const lic_container *c, const char *type, uint64_t unpacked)
{
    const uint64_t row = (uint64_t)c->width * (c->depth / 8);
    if (lic_chunk_is(type, LIC_EXACT_TYPE))
        return c->version <= 1 && unpacked == lic_exact_blocks(c);
    return lic_chunk_is(type, LIC_ALPHA_TYPE)       ? unpacked == row * c->height
           : lic_chunk_is(type, LIC_OLD_ALPHA_TYPE) ? unpacked == (row + 1) * c->height
                                                    : unpacked <= LIC_MAX_CHUNK_BYTES;
}

int lic_end_of_list_bytes(const lic_container *c)
{
    return c->version >= LIC_VERSION_LOSSLESS ? 1 : TYPE_BYTES;
}

uint32_t lic_file_crc(const uint8_t *data, size_t bytes, size_t crc_at)
{
    size_t rest = crc_at + CRC_BYTES;
    return lic_crc32(lic_crc32(0, data, crc_at), data + rest, bytes - rest);
}
