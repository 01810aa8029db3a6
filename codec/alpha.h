/* alpha.h - the alpha plane as a file stores it (FORMAT.md, section 2, alph): rows filtered as in
 * PNG, packed by zlib. Both directions work row by row and hold only a few rows. */
#ifndef LIC_CODEC_ALPHA_H
#define LIC_CODEC_ALPHA_H

#include "codec/lic.h"

#include <stdbool.h>

enum { LIC_ALPHA_FILTERS = 5 };

/* Type of the chunk. */
#define LIC_ALPHA_TYPE "alph"

/* The prediction of a sample from a (left), b (above) and c (above left); PNG specification,
 * section 9. */
static inline int lic_plane_predict(int filter, int a, int b, int c)
{
    const int p = a + b - c;
    const int pa = p > a ? p - a : a - p, pb = p > b ? p - b : b - p, pc = p > c ? p - c : c - p;
    switch (filter) {
    case 1:
        return a;
    case 2:
        return b;
    case 3:
        return (a + b) / 2;
    case 4: /* Paeth */
        return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
    default:
        return 0;
    }
}

/* Bytes of a plane before it is packed. */
uint64_t lic_plane_bytes(uint32_t width, uint32_t height, uint32_t depth);
/* The most memory that one direction takes, without the packed plane. */
size_t lic_plane_memory(uint32_t width, uint32_t depth);

/* ---- packing ---- */

typedef struct lic_plane_packer lic_plane_packer;
/* NULL: no memory. */
lic_plane_packer *lic_plane_packer_new(uint32_t width, uint32_t depth,
                                       const lic_allocator *allocator);
void lic_plane_packer_free(lic_plane_packer *packer);
/* Packs the next row: alpha is the last of `channels` samples of each pixel. False: no memory. */
bool lic_plane_pack_row(lic_plane_packer *packer, const void *row, uint32_t channels);
/* After the last row: *chunk gets the plane, which the packer owns. It stays empty (no data) if all
 * rows were opaque. False: no memory. */
bool lic_plane_pack_end(lic_plane_packer *packer, uint32_t height, lic_chunk *chunk);

/* ---- unpacking ---- */

/* The part of a plane that is wanted. */
typedef struct lic_plane_part {
    const lic_chunk *chunk;        /* NULL: all is opaque */
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
