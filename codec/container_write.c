/* container_write.c - writes all of a .lic file except the coded latents; see FORMAT.md. */
#include "codec/container_layout.h"

#include "codec/base/bytes.h"
#include "codec/base/status.h"

#include <string.h>

/* Signature, version and flags, width, height, tile, model, quality, check of latents, checksum. */
#define MAX_HEAD_BYTES       (4 + 1 + 2 * LIC_VARINT_MAX_BYTES + 2 + 4 + 2 + 4 + CRC_BYTES)
#define MAX_CHUNK_HEAD_BYTES (TYPE_BYTES + 2 * LIC_VARINT_MAX_BYTES)

/* Of a chunk `colr`. */
static bool is_srgb(const lic_chunk *chunk)
{
    const uint8_t *data = chunk->packed ? lic_packed_srgb : lic_srgb;
    const size_t bytes = chunk->packed ? sizeof lic_packed_srgb : sizeof lic_srgb;
    return chunk->bytes == bytes && memcmp(chunk->data, data, bytes) == 0;
}

/* Index of the chunk that the flag can stand for; n_chunks if none. The first of a type counts. */
static size_t srgb_at(const lic_container *c)
{
    const lic_chunk *colr = lic_chunk_find(c->chunks, c->n_chunks, "colr");
    return colr && is_srgb(colr) ? (size_t)(colr - c->chunks) : c->n_chunks;
}

static bool is_zlib(const lic_chunk *chunk)
{
    return chunk->packed && chunk->packed != LIC_CHUNK_STORED;
}

static size_t unpacked_bytes(const lic_chunk *chunk)
{
    return is_zlib(chunk) ? chunk->unpacked_bytes : chunk->bytes;
}

static lic_status check_chunk(const lic_container *c, const lic_chunk *chunk, lic_error *err)
{
    const uint64_t unpacked = unpacked_bytes(chunk);
    if (!lic_chunk_type_is_valid(chunk->type) || lic_chunk_is_unknown_and_critical(chunk->type))
        return lic_fail(err, LIC_ERR_ARGUMENT,
                        "the type of a chunk must start with a small letter");
    if (!is_zlib(chunk) && chunk->bytes > LIC_MAX_CHUNK_BYTES)
        return lic_fail(err, LIC_ERR_ARGUMENT,
                        "chunk '%.4s' has %zu bytes, at most %u can be packed here", chunk->type,
                        chunk->bytes, LIC_MAX_CHUNK_BYTES);
    if (!lic_chunk_fits_picture(c, chunk->type, unpacked) || unpacked > UINT32_MAX ||
        chunk->bytes > UINT32_MAX)
        return lic_fail(err, LIC_ERR_ARGUMENT,
                        "chunk '%.4s' has %llu bytes, which the format does not take", chunk->type,
                        (unsigned long long)unpacked);
    if (!chunk->data && chunk->bytes > 0)
        return lic_fail(err, LIC_ERR_ARGUMENT, "chunk '%.4s' has no data", chunk->type);
    return LIC_OK;
}

/* Tile sides are sent in one byte each, in units of 64. */
static bool tile_is_valid(const lic_container *c)
{
    const uint32_t w = c->tile_w, h = c->tile_h, most = (UINT8_MAX + 1) * TILE_UNIT;
    return (!w && !h) ||
           (w && h && w % TILE_UNIT == 0 && h % TILE_UNIT == 0 && w <= most && h <= most);
}

lic_status lic_container_check(const lic_container *c, lic_error *err)
{
    if (c->width < 1 || c->width > MAX_SIDE || c->height < 1 || c->height > MAX_SIDE)
        return lic_fail(err, LIC_ERR_ARGUMENT,
                        "a picture of %u x %u does not fit: sides are 1 to %u", c->width, c->height,
                        MAX_SIDE);
    if ((c->channels != 1 && c->channels != 3) || (c->depth != 8 && c->depth != 16))
        return lic_fail(err, LIC_ERR_ARGUMENT, "%u channels of %u bits: only 1 or 3 of 8 or 16",
                        c->channels, c->depth);
    if (!tile_is_valid(c))
        return lic_fail(err, LIC_ERR_ARGUMENT, "tiles of %u x %u do not fit the format", c->tile_w,
                        c->tile_h);
    if (c->version == 2 || c->version > LIC_FORMAT_VERSION)
        return lic_fail(err, LIC_ERR_ARGUMENT, "no such version of the format to write");
    if (c->quality_code > LIC_QUALITY_CODES)
        return lic_fail(err, LIC_ERR_ARGUMENT, "quality is above 100");
    if ((c->n_chunks > 0 && !c->chunks) || (c->latent_bytes > 0 && !c->latents))
        return lic_fail(err, LIC_ERR_ARGUMENT, "a pointer to chunks or latents is missing");
    if (c->n_chunks > LIC_MAX_CHUNKS)
        return lic_fail(err, LIC_ERR_ARGUMENT, "%zu chunks of metadata, the format takes %d",
                        c->n_chunks, LIC_MAX_CHUNKS);
    for (size_t i = 0; i < c->n_chunks; i++)
        if (check_chunk(c, &c->chunks[i], err) != LIC_OK)
            return LIC_ERR_ARGUMENT;
    return LIC_OK;
}

/* Enough for the whole file, whatever zlib makes of the chunks; false if size_t cannot hold it. */
static bool max_file_bytes(const lic_container *c, size_t *bytes)
{
    *bytes = MAX_HEAD_BYTES + TYPE_BYTES;
    for (size_t i = 0; i < c->n_chunks; i++) {
        const lic_chunk *chunk = &c->chunks[i];
        size_t packed = is_zlib(chunk) ? chunk->bytes : lic_chunk_bound(chunk);
        if (!lic_add_size(*bytes, MAX_CHUNK_HEAD_BYTES + packed, bytes))
            return false;
    }
    return lic_add_size(*bytes, c->latent_bytes, bytes);
}

/* Writes type, packed bytes, unpacked bytes, data. The numbers come first but are known last, so
 * the data is packed further on and then moved up. NULL if memory ran out. Since version 3, bytes
 * that zlib does not make fewer are stored as they are. */
static uint8_t *write_chunk(uint8_t *at, const lic_chunk *chunk, bool may_store,
                            const lic_allocator *allocator)
{
    const uint8_t *data = chunk->data;
    size_t packed = chunk->bytes, unpacked = unpacked_bytes(chunk);
    if (!is_zlib(chunk)) {
        data = at + MAX_CHUNK_HEAD_BYTES;
        packed = lic_chunk_pack(chunk, allocator, at + MAX_CHUNK_HEAD_BYTES);
        if (packed == 0)
            return NULL;
    }
    if (may_store && (unpacked == 0 || (!is_zlib(chunk) && packed >= unpacked))) {
        data = chunk->data;
        packed = unpacked;
        unpacked = 0;
    }
    memcpy(at, chunk->type, TYPE_BYTES);
    at = lic_write_varint(at + TYPE_BYTES, (uint32_t)packed);
    at = lic_write_varint(at, (uint32_t)unpacked);
    if (packed > 0)
        memmove(at, data, packed);
    return at + packed;
}

/* Writes all but the checksum, which is known last. */
static uint8_t *write_head(uint8_t *at, const lic_container *c, bool has_srgb)
{
    unsigned flags = (has_srgb ? FLAG_SRGB : 0) | (c->n_chunks > has_srgb ? FLAG_CHUNKS : 0) |
                     (c->channels == 1 ? FLAG_GREY : 0) | (c->depth == 16 ? FLAG_16_BIT : 0) |
                     (c->tile_w ? FLAG_TILES : 0);
    memcpy(at, lic_file_signature, sizeof lic_file_signature);
    at += sizeof lic_file_signature;
    *at++ = (uint8_t)(flags | (c->version ? c->version : 1));
    at = lic_write_varint(at, c->width - 1);
    at = lic_write_varint(at, c->height - 1);
    if (c->tile_w) {
        *at++ = (uint8_t)(c->tile_w / TILE_UNIT - 1);
        *at++ = (uint8_t)(c->tile_h / TILE_UNIT - 1);
    }
    if (c->version < LIC_VERSION_LOSSLESS) {
        at = lic_write_u32(at, c->model_id);
        at = lic_write_u16(at, (uint16_t)c->quality_code);
    }
    return lic_write_u32(at, c->check_latents);
}

lic_status lic_container_write(const lic_container *c, const lic_allocator *allocator,
                               lic_buffer *out, lic_error *err)
{
    *out = (lic_buffer){0};
    size_t max_bytes;
    lic_status status = lic_container_check(c, err);
    if (status != LIC_OK)
        return status;
    uint8_t *data = max_file_bytes(c, &max_bytes) ? lic_alloc(allocator, max_bytes) : NULL;
    if (!data)
        return lic_fail(err, LIC_ERR_MEMORY, "not enough memory for the file");
    const size_t by_flag = srgb_at(c);
    const bool has_srgb = by_flag < c->n_chunks;
    uint8_t *crc = write_head(data, c, has_srgb), *at = crc + CRC_BYTES;
    for (size_t i = 0; i < c->n_chunks && at; i++)
        if (i != by_flag)
            at = write_chunk(at, &c->chunks[i], c->version >= LIC_VERSION_LOSSLESS, allocator);
    if (!at) {
        lic_dealloc(allocator, data);
        return lic_fail(err, LIC_ERR_MEMORY, "not enough memory to pack the metadata");
    }
    for (int i = 0; i < lic_end_of_list_bytes(c) && c->n_chunks > has_srgb; i++)
        *at++ = 0;
    if (c->latent_bytes > 0)
        memcpy(at, c->latents, c->latent_bytes);
    size_t bytes = (size_t)(at - data) + c->latent_bytes;
    lic_write_u32(crc, lic_file_crc(data, bytes, (size_t)(crc - data)));
    *out = (lic_buffer){data, bytes, allocator};
    return LIC_OK;
}

void lic_buffer_free(lic_buffer *buffer)
{
    if (!buffer)
        return;
    lic_dealloc(buffer->allocator, buffer->data);
    *buffer = (lic_buffer){0};
}
