/* container.c - writes and reads all of a .lic file except the coded latents; see FORMAT.md.
 *
 * Knows bytes only: no networks, no pictures. Files are hostile: nothing in them is trusted before
 * it is checked, parsing allocates nothing, and unpacking a chunk takes no more memory than it can
 * fill (chunk.c). Error texts are written for the person whose photograph it is. */
#include "codec/container.h"
#include "codec/base/bytes.h"
#include "codec/base/status.h"
#include "codec/options.h"
#include "entropy/mask.h"

#include <string.h>

static const uint8_t signature[4] = {0x9B, 'l', 'i', 'c'};

#define VERSION_BITS 0x07
#define FLAG_SRGB    0x08
#define FLAG_CHUNKS  0x10
#define FLAG_GREY    0x20
#define FLAG_16_BIT  0x40
#define FLAG_TILES   0x80

#define MAX_SIDE   65535u
#define TYPE_BYTES 4
#define CRC_BYTES  4
#define TILE_UNIT  64u
/* Signature, version and flags, width, height, tile, model, quality, check of latents, checksum. */
#define MAX_HEAD_BYTES       (4 + 1 + 2 * LIC_VARINT_MAX_BYTES + 2 + 4 + 2 + 4 + CRC_BYTES)
#define MAX_CHUNK_HEAD_BYTES (TYPE_BYTES + 2 * LIC_VARINT_MAX_BYTES)

/* What most pictures say of their colours, and all that they say: a flag stands for this chunk.
 * Unpacked and, for readers, packed as one stored block. */
static const uint8_t srgb[] = {'s', 'R', 'G', 'B', 1, 0};
static const uint8_t packed_srgb[] = {0x78, 0x01, 0x01, 6, 0,    0xF9, 0xFF, 's', 'R',
                                      'G',  'B',  1,    0, 0x06, 0x36, 0x01, 0x50};

static bool is_srgb(const lic_chunk *chunk)
{
    const uint8_t *data = chunk->packed ? packed_srgb : srgb;
    const size_t bytes = chunk->packed ? sizeof packed_srgb : sizeof srgb;
    return memcmp(chunk->type, "colr", sizeof chunk->type) == 0 && chunk->bytes == bytes &&
           memcmp(chunk->data, data, bytes) == 0;
}

/* Index of the chunk that the flag can stand for; n_chunks if none. The first of a type counts. */
static size_t srgb_at(const lic_container *c)
{
    size_t i = 0;
    while (i < c->n_chunks && memcmp(c->chunks[i].type, "colr", sizeof c->chunks[i].type) != 0)
        i++;
    return i < c->n_chunks && is_srgb(&c->chunks[i]) ? i : c->n_chunks;
}

/* ---- types of chunks ---- */

size_t lic_exact_blocks(const lic_container *c)
{
    return (size_t)lic_mask_blocks(c->width) * lic_mask_blocks(c->height);
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool type_is_valid(const char *type)
{
    for (int i = 1; i < TYPE_BYTES; i++)
        if (type[i] < 0x20 || type[i] > 0x7E)
            return false;
    return is_letter(type[0]);
}

static bool is_type(const char *type, const char *known)
{
    return memcmp(type, known, TYPE_BYTES) == 0;
}

/* Upper case: a reader that does not know the type cannot show the picture. */
static bool type_is_unknown_and_critical(const char *type)
{
    return type[0] >= 'A' && type[0] <= 'Z' && !is_type(type, LIC_ALPHA_TYPE) &&
           !is_type(type, LIC_EXACT_TYPE);
}

/* The size of alpha follows from that of the picture, and so does the number of blocks; other
 * chunks have a limit. */
static bool fits_picture(const lic_container *c, const char *type, uint64_t unpacked)
{
    const uint64_t row = (uint64_t)c->width * (c->depth / 8);
    if (is_type(type, LIC_EXACT_TYPE))
        return c->version <= 1 && unpacked == lic_exact_blocks(c);
    return is_type(type, LIC_ALPHA_TYPE)       ? unpacked == row * c->height
           : is_type(type, LIC_OLD_ALPHA_TYPE) ? unpacked == (row + 1) * c->height
                                               : unpacked <= LIC_MAX_CHUNK_BYTES;
}

static int end_of_list_bytes(const lic_container *c)
{
    return c->version >= LIC_VERSION_LOSSLESS ? 1 : TYPE_BYTES;
}

/* ---- writing ---- */

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
    if (!type_is_valid(chunk->type) || type_is_unknown_and_critical(chunk->type))
        return lic_fail(err, LIC_ERR_ARGUMENT,
                        "the type of a chunk must start with a small letter");
    if (!is_zlib(chunk) && chunk->bytes > LIC_MAX_CHUNK_BYTES)
        return lic_fail(err, LIC_ERR_ARGUMENT,
                        "chunk '%.4s' has %zu bytes, at most %u can be packed here", chunk->type,
                        chunk->bytes, LIC_MAX_CHUNK_BYTES);
    if (!fits_picture(c, chunk->type, unpacked) || unpacked > UINT32_MAX ||
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

static lic_status check_container(const lic_container *c, lic_error *err)
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
    memcpy(at, signature, sizeof signature);
    at += sizeof signature;
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

/* Checksum of the file with the 4 bytes at crc_at left out. */
static uint32_t file_crc(const uint8_t *data, size_t bytes, size_t crc_at)
{
    size_t rest = crc_at + CRC_BYTES;
    return lic_crc32(lic_crc32(0, data, crc_at), data + rest, bytes - rest);
}

lic_status lic_container_write(const lic_container *c, const lic_allocator *allocator,
                               lic_buffer *out, lic_error *err)
{
    *out = (lic_buffer){0};
    size_t max_bytes;
    lic_status status = check_container(c, err);
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
    for (int i = 0; i < end_of_list_bytes(c) && c->n_chunks > has_srgb; i++)
        *at++ = 0;
    if (c->latent_bytes > 0)
        memcpy(at, c->latents, c->latent_bytes);
    size_t bytes = (size_t)(at - data) + c->latent_bytes;
    lic_write_u32(crc, file_crc(data, bytes, (size_t)(crc - data)));
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

/* ---- reading ---- */

static lic_status read_signature(lic_reader *r, lic_error *err)
{
    size_t n = (size_t)(r->end - r->at);
    n = n < sizeof signature ? n : sizeof signature;
    if (n > 0 && memcmp(r->at, signature, n) != 0)
        return lic_fail(err, LIC_ERR_NOT_LIC, "not a .lic file");
    if (n == 0)
        return lic_fail(err, LIC_ERR_TRUNCATED, "file is cut short: it is empty");
    r->failed = n < sizeof signature;
    r->at += n;
    return LIC_OK;
}

static lic_status read_version(lic_reader *r, uint8_t *flags, uint32_t *number, lic_error *err)
{
    uint8_t b = lic_read_u8(r);
    unsigned version = b & VERSION_BITS;
    *flags = b & ~VERSION_BITS & 0xFF;
    *number = version;
    if (!r->failed && (version < 1 || version > LIC_FORMAT_VERSION))
        return lic_fail(err, LIC_ERR_VERSION,
                        "the file is of format version %u, this program reads version %d", version,
                        LIC_FORMAT_VERSION);
    return LIC_OK;
}

/* Reads up to the checksum, whose place goes to *crc. */
static lic_status read_head(lic_reader *r, lic_container *c, uint8_t *flags, uint32_t *crc,
                            lic_error *err)
{
    lic_status status = read_signature(r, err);
    if (status == LIC_OK)
        status = read_version(r, flags, &c->version, err);
    if (status != LIC_OK)
        return status;
    uint32_t last_column = lic_read_varint(r), last_row = lic_read_varint(r);
    bool sides = (!r->failed || r->at == r->end) && last_column < MAX_SIDE && last_row < MAX_SIDE;
    if (*flags & FLAG_TILES) {
        c->tile_w = (lic_read_u8(r) + 1u) * TILE_UNIT;
        c->tile_h = (lic_read_u8(r) + 1u) * TILE_UNIT;
    }
    c->quality_code = LIC_QUALITY_CODES;
    if (c->version < LIC_VERSION_LOSSLESS) {
        c->model_id = lic_read_u32(r);
        c->quality_code = lic_read_u16(r);
    }
    c->check_latents = lic_read_u32(r);
    *crc = lic_read_u32(r);
    if (!sides)
        return lic_fail(err, LIC_ERR_CORRUPT, "the file is damaged: no picture has such a size");
    if (r->failed)
        return lic_fail(err, LIC_ERR_TRUNCATED, "file is cut short: it ends within its head");
    if (c->version > 1 && c->model_id != 0) /* tiles of both kinds side by side */
        return lic_fail(err, LIC_ERR_VERSION,
                        "the file is newer than this program: its tiles are of several kinds");
    c->width = last_column + 1;
    c->height = last_row + 1;
    c->channels = *flags & FLAG_GREY ? 1 : 3;
    c->depth = *flags & FLAG_16_BIT ? 16 : 8;
    return LIC_OK;
}

/* Reads one chunk, from after its type. */
static lic_status read_chunk(lic_reader *r, const lic_container *c, lic_chunk *chunk,
                             lic_error *err)
{
    chunk->packed = 1;
    chunk->bytes = lic_read_varint(r);
    chunk->unpacked_bytes = lic_read_varint(r);
    chunk->data = r->at;
    if (c->version >= LIC_VERSION_LOSSLESS && chunk->unpacked_bytes == 0 &&
        !is_type(chunk->type, LIC_ALPHA_TYPE) && !is_type(chunk->type, LIC_EXACT_TYPE)) {
        chunk->packed = LIC_CHUNK_STORED;
        chunk->unpacked_bytes = chunk->bytes;
    }
    if (r->failed || (size_t)(r->end - r->at) < chunk->bytes)
        return lic_fail(err, LIC_ERR_CORRUPT, "the file is damaged: metadata runs past its end");
    r->at += chunk->bytes;
    if (!fits_picture(c, chunk->type, chunk->unpacked_bytes))
        return lic_fail(err, LIC_ERR_CORRUPT,
                        "the file is damaged: chunk '%.4s' claims %zu bytes, which cannot be",
                        chunk->type, chunk->unpacked_bytes);
    return LIC_OK;
}

/* Reads a type, or the zeros that end the list. */
static void read_type(lic_reader *r, const lic_container *c, char type[TYPE_BYTES])
{
    memset(type, 0, TYPE_BYTES);
    type[0] = (char)lic_read_u8(r);
    for (int i = 1; i < TYPE_BYTES && (type[0] || i < end_of_list_bytes(c)); i++)
        type[i] = (char)lic_read_u8(r);
}

/* Reads the list, with the zeros that end it, and appends it to the chunks that are there. */
static lic_status read_chunks(lic_reader *r, lic_container *c, lic_chunk *chunks, lic_error *err)
{
    static const char end_of_list[TYPE_BYTES] = {0};
    for (const size_t first = c->n_chunks;; c->n_chunks++) {
        char type[TYPE_BYTES];
        read_type(r, c, type);
        if (!r->failed && memcmp(type, end_of_list, TYPE_BYTES) == 0 && c->n_chunks > first)
            return LIC_OK;
        if (r->failed || !type_is_valid(type) || c->n_chunks == LIC_MAX_CHUNKS)
            return lic_fail(err, LIC_ERR_CORRUPT, "the file is damaged: its list of metadata is");
        if (type_is_unknown_and_critical(type))
            return lic_fail(err, LIC_ERR_VERSION,
                            "the file needs '%.4s', which this version cannot read", type);
        lic_chunk *chunk = &chunks[c->n_chunks];
        memcpy(chunk->type, type, TYPE_BYTES);
        lic_status status = read_chunk(r, c, chunk, err);
        if (status != LIC_OK)
            return status;
    }
}

lic_status lic_container_read(const void *data, size_t bytes, lic_chunk *chunks, lic_container *c,
                              lic_error *err)
{
    const uint8_t *start = data;
    lic_reader r = {start, bytes ? start + bytes : start, false};
    uint8_t flags = 0;
    uint32_t crc = 0;
    *c = (lic_container){0};
    lic_status status = read_head(&r, c, &flags, &crc, err);
    if (status != LIC_OK)
        return status;
    c->crc_difference = crc ^ file_crc(start, bytes, (size_t)(r.at - start) - CRC_BYTES);
    if (flags & FLAG_SRGB)
        chunks[c->n_chunks++] = (lic_chunk){.type = {'c', 'o', 'l', 'r'},
                                            .data = packed_srgb,
                                            .bytes = sizeof packed_srgb,
                                            .packed = 1,
                                            .unpacked_bytes = sizeof srgb};
    if (flags & FLAG_CHUNKS)
        status = read_chunks(&r, c, chunks, err);
    c->chunks = chunks;
    if (status == LIC_OK) {
        c->latents = r.at;
        c->latent_bytes = (size_t)(r.end - r.at);
    }
    if (c->crc_difference) /* the likely cause of whatever else is wrong */
        return lic_fail(err, LIC_ERR_CORRUPT,
                        "checksum of the file does not match: the file is damaged or cut short");
    return status;
}

static void fill_info(lic_info *info, const lic_container *c)
{
    info->width = c->width;
    info->height = c->height;
    info->channels = c->channels;
    info->depth = c->depth;
    info->has_alpha = lic_chunk_find(c->chunks, c->n_chunks, LIC_ALPHA_TYPE) ||
                      lic_chunk_find(c->chunks, c->n_chunks, LIC_OLD_ALPHA_TYPE);
    info->quality = c->quality_code * 100.0 / LIC_QUALITY_CODES;
    info->version = c->version;
    info->lossless = c->version > 1 && c->model_id == 0;
    info->model_id = c->model_id;
    info->check_latents = c->check_latents;
    info->tile_width = c->tile_w;
    info->tile_height = c->tile_h;
    info->latent_bytes = c->latent_bytes;
    info->n_chunks = c->n_chunks;
}

lic_status lic_probe_sized(const void *data, size_t bytes, lic_info *out, size_t struct_bytes,
                           lic_error *err)
{
    lic_container c;
    lic_info info = {0};
    if (out)
        memset(out, 0, struct_bytes);
    if (!out || (!data && bytes > 0))
        return lic_fail(err, LIC_ERR_ARGUMENT, "lic_probe needs data and a place for the answer");
    const lic_status status = lic_container_read(data, bytes, info.chunks, &c, err);
    if (status != LIC_OK && !c.latents)
        return status;
    fill_info(&info, &c);
    lic_struct_give(&info, sizeof info, out, struct_bytes);
    return status;
}
