/* alpha.h - the alpha plane as a file stores it (FORMAT.md, section 2): stripes of rows, each coded
 * by the lossless coder of entropy/. Files written before that have rows filtered as in PNG and
 * packed by zlib; they are read, not written. Both directions go from row to row and hold one
 * stripe. */
#ifndef LIC_CODEC_ALPHA_H
#define LIC_CODEC_ALPHA_H

#include "codec/base/arena.h"
#include "codec/lic.h"
#include "entropy/lossless.h"

#include <stdbool.h>

/* Bytes of a plane before it is packed. */
uint64_t lic_plane_bytes(uint32_t width, uint32_t height, uint32_t depth);
/* The most memory that one direction takes, without the packed plane. */
size_t lic_plane_memory(uint32_t width, uint32_t height, uint32_t depth);

/* One stripe at work, shared by both directions. */
typedef struct lic_stripe {
    lic_arena arena;
    lic_lossless coder;
    lic_raster raster; /* its height is that of the current stripe */
    uint32_t rows;     /* of a stripe that is not the last */
    uint8_t *code;     /* room for the code of any stripe; NULL when decoding */
    size_t code_bytes;
} lic_stripe;

/* False: no memory. The stripe is all zero before; lic_arena_release(&s->arena) ends it. */
bool lic_stripe_take(lic_stripe *s, uint32_t width, uint32_t height, uint32_t depth, bool decoding,
                     const lic_allocator *allocator);
/* CRC-32 of the samples of the current stripe. */
uint32_t lic_stripe_check(const lic_stripe *s);

/* ---- packing ---- */

typedef struct lic_plane_packer lic_plane_packer;
/* NULL: no memory. */
lic_plane_packer *lic_plane_packer_new(uint32_t width, uint32_t height, uint32_t depth,
                                       const lic_allocator *allocator);
void lic_plane_packer_free(lic_plane_packer *packer);
/* Packs the next row: alpha is the last of `channels` samples of each pixel. False: no memory. */
bool lic_plane_pack_row(lic_plane_packer *packer, const void *row, uint32_t channels);
/* Of a row of the picture: nothing shows through it. */
bool lic_plane_row_is_opaque(const void *row, uint32_t width, uint32_t channels, uint32_t depth);
/* After the last row: *chunk gets the plane, which the packer owns. It stays empty (no data) if all
 * rows were opaque. */
void lic_plane_pack_end(lic_plane_packer *packer, lic_chunk *chunk);

/* ---- unpacking ---- */

/* The part of a plane that is wanted. */
typedef struct lic_plane_part {
    const lic_chunk *chunk;        /* of either type; NULL: all is opaque */
    uint32_t width, height, depth; /* of the plane */
    uint32_t x, y;                 /* where the part begins */
    uint32_t scale;                /* 1, or n: the mean of n x n samples becomes one */
} lic_plane_part;

typedef struct lic_plane_unpacker lic_plane_unpacker;
/* NULL: no memory. */
lic_plane_unpacker *lic_plane_unpacker_new(const lic_plane_part *part,
                                           const lic_allocator *allocator);
void lic_plane_unpacker_free(lic_plane_unpacker *unpacker);
/* Writes the next n_rows rows of the part to the image's last channel; `rows` is where these rows
 * begin in the image. */
lic_status lic_plane_unpack_rows(lic_plane_unpacker *unpacker, const lic_image *image, void *rows,
                                 uint32_t n_rows);
/* After the last row: LIC_ERR_CORRUPT if the whole plane was wanted and it does not end here. */
lic_status lic_plane_unpack_end(lic_plane_unpacker *unpacker);

#endif
