/* container_read.c - reads all of a .lic file except the coded latents; see FORMAT.md.
 *
 * Files are hostile: nothing in them is trusted before it is checked, parsing allocates nothing,
 * and unpacking a chunk takes no more memory than it can fill (chunk.c). Error texts are written
 * for the person whose photograph it is. */
#include "codec/container_layout.h"

#include "codec/base/bytes.h"
#include "codec/base/status.h"
#include "codec/options.h"

#include <string.h>

static lic_status read_signature(lic_reader *r, lic_error *err)
{
    size_t n = (size_t)(r->end - r->at);
    n = n < sizeof lic_file_signature ? n : sizeof lic_file_signature;
    if (n > 0 && memcmp(r->at, lic_file_signature, n) != 0)
        return lic_fail(err, LIC_ERR_NOT_LIC, "not a .lic file");
    if (n == 0)
        return lic_fail(err, LIC_ERR_TRUNCATED, "file is cut short: it is empty");
    r->failed = n < sizeof lic_file_signature;
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
        !lic_chunk_is(chunk->type, LIC_ALPHA_TYPE) && !lic_chunk_is(chunk->type, LIC_EXACT_TYPE)) {
        chunk->packed = LIC_CHUNK_STORED;
        chunk->unpacked_bytes = chunk->bytes;
    }
    if (r->failed || (size_t)(r->end - r->at) < chunk->bytes)
        return lic_fail(err, LIC_ERR_CORRUPT, "the file is damaged: metadata runs past its end");
    r->at += chunk->bytes;
    if (!lic_chunk_fits_picture(c, chunk->type, chunk->unpacked_bytes))
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
    for (int i = 1; i < TYPE_BYTES && (type[0] || i < lic_end_of_list_bytes(c)); i++)
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
        if (r->failed || !lic_chunk_type_is_valid(type) || c->n_chunks == LIC_MAX_CHUNKS)
            return lic_fail(err, LIC_ERR_CORRUPT, "the file is damaged: its list of metadata is");
        if (lic_chunk_is_unknown_and_critical(type))
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
    c->crc_difference = crc ^ lic_file_crc(start, bytes, (size_t)(r.at - start) - CRC_BYTES);
    if (flags & FLAG_SRGB)
        chunks[c->n_chunks++] = (lic_chunk){.type = {'c', 'o', 'l', 'r'},
                                            .data = lic_packed_srgb,
                                            .bytes = sizeof lic_packed_srgb,
                                            .packed = 1,
                                            .unpacked_bytes = sizeof lic_srgb};
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
