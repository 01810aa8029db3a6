/* bytes.h - little-endian access, LEB128 numbers, overflow-checked sizes and CRC-32. Readers never
 * look past `end`. A failed read sets `failed` and yields zero, so that a parser can read a whole
 * head and check once. */
#ifndef LIC_BASE_BYTES_H
#define LIC_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct lic_reader {
    const uint8_t *at, *end;
    bool failed;
} lic_reader;

uint8_t lic_read_u8(lic_reader *r);
uint16_t lic_read_u16(lic_reader *r);
uint32_t lic_read_u32(lic_reader *r);
uint64_t lic_read_u64(lic_reader *r);
/* Unsigned LEB128 of at most 5 bytes and 32 bits; a longer or non-minimal one fails. */
uint32_t lic_read_varint(lic_reader *r);

/* Writers rely on the caller for room. They return the place after the last byte written. */
uint8_t *lic_write_u16(uint8_t *at, uint16_t v);
uint8_t *lic_write_u32(uint8_t *at, uint32_t v);
uint8_t *lic_write_varint(uint8_t *at, uint32_t v);
#define LIC_VARINT_MAX_BYTES 5

/* *out = a * b or a + b; false on overflow. */
bool lic_mul_size(size_t a, size_t b, size_t *out);
bool lic_add_size(size_t a, size_t b, size_t *out);

/* CRC-32 as in zlib and PNG, of any length; crc is 0 at the start, then the value returned
 * before. */
uint32_t lic_crc32(uint32_t crc, const void *data, size_t bytes);
/* Whether a single wrong bit (or byte, if whole_byte) in data of this length explains that its
 * CRC-32 is wrong; difference is the wrong CRC xor the right one. A difference with another cause
 * is explained like this with a chance of 8 (255) in 2^32 per byte. */
bool lic_crc32_one_wrong(uint32_t difference, size_t bytes, bool whole_byte);

#endif
