/* container.h - the .lic file around the coded latents; FORMAT.md is the specification.
 * Knows bytes only: no networks, no picture data. Input is hostile. */
#ifndef LIC_CONTAINER_H
#define LIC_CONTAINER_H

#include "codec/lic.h"

#include <stdbool.h>

/* Quality is sent as a 16-bit fraction of the full range: quality_code = round(q * 65535 / 100). */
#define LIC_QUALITY_CODES 65535u

/* The first version whose files of one tile have no list of tiles, and no model. */
#define LIC_VERSION_LOSSLESS 3

/* Types of chunks with alpha: today's, and that of files written before it. */
#define LIC_ALPHA_TYPE     "Alph"
#define LIC_OLD_ALPHA_TYPE "alph"
/* Type of the chunk with blocks that are kept exactly, in a picture with loss. */
#define LIC_EXACT_TYPE "Exac"

typedef struct lic_container {
    uint32_t version; /* 1 (writing: or 0); 3: lossless; reading: or 2, lossless as well */
    uint32_t width, height;
    uint32_t channels;       /* 1 or 3 */
    uint32_t depth;          /* 8 or 16 */
    uint32_t tile_w, tile_h; /* of a tiled picture: multiples of 64, at most 16384; else both 0 */
    uint32_t quality_code;
    uint32_t model_id;
    uint32_t check_latents;
    const lic_chunk *chunks; /* writing: as given; reading: as in lic_info */
    size_t n_chunks;
    uint32_t crc_difference; /* reading: the file's checksum xor the right one */
    const uint8_t *latents;
    size_t latent_bytes;
} lic_container;

/* The unpacked bytes that a LIC_EXACT_TYPE chunk tells: one for each block of the picture. */
size_t lic_exact_blocks(const lic_container *c);

/* LIC_ERR_ARGUMENT if this cannot be written as a file. */
lic_status lic_container_check(const lic_container *c, lic_error *err);
/* Builds a whole file and compresses chunk data with zlib. Free *out with lic_buffer_free. */
lic_status lic_container_write(const lic_container *c, const lic_allocator *allocator,
                               lic_buffer *out, lic_error *err);
/* Parses and verifies a whole file. chunks [LIC_MAX_CHUNKS] receives the list, which *c points to;
 * chunk data and latents point into `data`. If only the checksum is wrong, *c is filled all the
 * same (latents are not NULL), for callers that want to save what is left. */
lic_status lic_container_read(const void *data, size_t bytes, lic_chunk *chunks, lic_container *c,
                              lic_error *err);

/* Whether a chunk unpacks to more than LIC_FREE_CHUNK_BYTES and LIC_MAX_AMPLIFICATION allow. */
bool lic_chunk_is_bomb(size_t packed, size_t unpacked);
/* Whether two types of chunks are the same. */
bool lic_chunk_is(const char *type, const char *known);
/* The first chunk of a type; NULL if there is none. */
const lic_chunk *lic_chunk_find(const lic_chunk *chunks, size_t n, const char *type);
enum { LIC_CHUNK_STORED = 2 }; /* lic_chunk.packed: a file has the bytes as they are */

/* Inflates a chunk to `at`, which has room for its unpacked bytes. These are within the limits of
 * the options (not NULL). */
lic_status lic_chunk_unpack(const lic_chunk *chunk, const lic_options *options, uint8_t *at,
                            lic_error *err);
/* Whether a chunk may be unpacked at all: its size is possible and within the limits of the
 * options. */
lic_status lic_chunk_admit(const lic_chunk *chunk, const lic_options *options, lic_error *err);
/* The most bytes that a chunk can pack to. */
size_t lic_chunk_bound(const lic_chunk *chunk);
/* Deflates the chunk to `at`, which has room for lic_chunk_bound() bytes. Returns the bytes
 * written, 0 if memory ran out. The same zlib gives the same bytes. */
size_t lic_chunk_pack(const lic_chunk *chunk, const lic_allocator *allocator, uint8_t *at);

#endif
