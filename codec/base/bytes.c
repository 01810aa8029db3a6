/* bytes.c - little-endian access, LEB128 numbers, checked sizes and CRC-32.
 *
 * Values are put together byte by byte, so neither alignment nor the host's byte order matters;
 * compilers turn the shifts into single loads. Writers trust the caller to have made room. Readers
 * trust nothing. */
#include "codec/base/bytes.h"

#include <zlib.h>

/* The next n bytes. If there are fewer, NULL: the reader has failed and stays where it is. */
static const uint8_t *take(lic_reader *r, size_t n)
{
    if (r->failed || (size_t)(r->end - r->at) < n) {
        r->failed = true;
        return NULL;
    }
    const uint8_t *p = r->at;
    r->at += n;
    return p;
}

uint8_t lic_read_u8(lic_reader *r)
{
    const uint8_t *p = take(r, 1);
    return p ? p[0] : 0;
}

uint16_t lic_read_u16(lic_reader *r)
{
    const uint8_t *p = take(r, 2);
    return p ? (uint16_t)(p[0] | p[1] << 8) : 0;
}

static uint32_t load_u32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint32_t lic_read_u32(lic_reader *r)
{
    const uint8_t *p = take(r, 4);
    return p ? load_u32(p) : 0;
}

uint64_t lic_read_u64(lic_reader *r)
{
    const uint8_t *p = take(r, 8);
    return p ? load_u32(p) | (uint64_t)load_u32(p + 4) << 32 : 0;
}

/* A number has only one spelling: a last byte of zero (after the first) would be padding, and is
 * refused. */
uint32_t lic_read_varint(lic_reader *r)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < LIC_VARINT_MAX_BYTES; i++) {
        uint8_t b = lic_read_u8(r);
        v |= (uint64_t)(b & 0x7F) << (7 * i);
        if (b & 0x80)
            continue;
        if (r->failed || (b == 0 && i > 0) || v > UINT32_MAX)
            break;
        return (uint32_t)v;
    }
    r->failed = true;
    return 0;
}

uint8_t *lic_write_u16(uint8_t *at, uint16_t v)
{
    at[0] = (uint8_t)v;
    at[1] = (uint8_t)(v >> 8);
    return at + 2;
}

uint8_t *lic_write_u32(uint8_t *at, uint32_t v)
{
    at[0] = (uint8_t)v;
    at[1] = (uint8_t)(v >> 8);
    at[2] = (uint8_t)(v >> 16);
    at[3] = (uint8_t)(v >> 24);
    return at + 4;
}

uint8_t *lic_write_varint(uint8_t *at, uint32_t v)
{
    for (; v >= 0x80; v >>= 7)
        *at++ = (uint8_t)(v | 0x80);
    *at++ = (uint8_t)v;
    return at;
}

bool lic_mul_size(size_t a, size_t b, size_t *out)
{
    *out = a * b;
    return a == 0 || *out / a == b;
}

bool lic_add_size(size_t a, size_t b, size_t *out)
{
    *out = a + b;
    return *out >= a;
}

/* zlib counts in uInt, of 32 bits where size_t has 64, so long data goes in pieces. */
uint32_t lic_crc32(uint32_t crc, const void *data, size_t bytes)
{
    const uint8_t *p = data;
    while (bytes > 0) {
        uInt n = bytes < (1u << 30) ? (uInt)bytes : 1u << 30;
        crc = (uint32_t)crc32(crc, p, n);
        p += n;
        bytes -= n;
    }
    return crc;
}

/* CRC-32 is linear: a wrong byte e with n bytes after it makes the difference that the table has
 * for e, moved on by n zero bytes. So the difference is moved back, one zero byte at a time, and
 * looked up in the table. No two entries of the table begin with the same byte. */
bool lic_crc32_one_wrong(uint32_t difference, size_t bytes, bool whole_byte)
{
    uint32_t table[256];
    uint8_t entry_of[256]; /* by the highest byte */
    for (uint32_t e = 0; e < 256; e++) {
        table[e] = e;
        for (int bit = 0; bit < 8; bit++)
            table[e] = table[e] >> 1 ^ (table[e] & 1 ? 0xEDB88320u : 0);
        entry_of[table[e] >> 24] = (uint8_t)e;
    }
    for (size_t n = 0; n < bytes && difference; n++) {
        const uint8_t e = entry_of[difference >> 24];
        if (difference == table[e] && (whole_byte || !(e & (e - 1))))
            return true;
        difference = (difference ^ table[e]) << 8 | e;
    }
    return false;
}
