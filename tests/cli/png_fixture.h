/* png_fixture.h - PNG files made by hand, chunk by chunk, for what libpng would not write. */
#ifndef LIC_TESTS_CLI_PNG_FIXTURE_H
#define LIC_TESTS_CLI_PNG_FIXTURE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static inline uint8_t *put_u32(uint8_t *at, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        *at++ = (uint8_t)(v >> (24 - 8 * i));
    return at;
}

static inline uint8_t *put_chunk(uint8_t *at, const char *type, const void *data, size_t bytes)
{
    uint8_t *start = put_u32(at, (uint32_t)bytes);
    memcpy(start, type, 4);
    if (bytes)
        memcpy(start + 4, data, bytes);
    return put_u32(start + 4 + bytes, (uint32_t)crc32(0, start, (uInt)bytes + 4));
}

/* Signature and IHDR; colour 0 grey, 2 RGB, 4 and 6 with alpha. */
static inline uint8_t *put_png_head(uint8_t *at, uint32_t width, uint32_t height, int depth,
                                    int colour, int interlaced)
{
    uint8_t head[13] = {0};
    put_u32(put_u32(head, width), height);
    head[8] = (uint8_t)depth;
    head[9] = (uint8_t)colour;
    head[12] = (uint8_t)interlaced;
    memcpy(at, "\x89PNG\r\n\x1a\n", 8);
    return put_chunk(at + 8, "IHDR", head, sizeof head);
}

/* IDAT of filtered rows, with nothing compressed, so that places in the file are places in rows. */
static inline uint8_t *put_pixels(uint8_t *at, const uint8_t *filtered, size_t bytes)
{
    uLongf packed_bytes = compressBound((uLong)bytes);
    uint8_t *packed = malloc(packed_bytes);
    if (!packed || compress2(packed, &packed_bytes, filtered, (uLong)bytes, 0) != Z_OK)
        abort();
    at = put_chunk(at, "IDAT", packed, packed_bytes);
    free(packed);
    return at;
}

#endif
