/* tile_codes.h - where the code of each tile is in a file, and how much of it is left if the file
 * was cut. Bytes only; FORMAT.md, sections 3 and 9. */
#ifndef LIC_CODEC_TILE_CODES_H
#define LIC_CODEC_TILE_CODES_H

#include "codec/container.h"

#include <stdbool.h>

enum { LIC_TILE_LOSSLESS = 1 }; /* of a tile's kind */

typedef struct lic_tile_codes {
    const lic_container *file;
    const uint8_t **starts; /* [n] where each tile begins; NULL: one tile, without a head */
    size_t n;
    size_t n_whole; /* tiles that are there in full; the next may be there in part */
    bool cut;       /* the file has lost its end */
} lic_tile_codes;

typedef struct lic_tile_code {
    const uint8_t *data;
    size_t bytes;
    uint32_t check;
    bool whole; /* by its length; in a cut file of one tile, which has no length, false */
} lic_tile_code;

/* Finds the tiles of a tiled file; the caller sets codes->file, starts, n and cut. False unless
 * they fill the latents exactly and their checks give the head's. In a file that was cut, false
 * unless tiles are missing; the last one may be there in part. */
bool lic_tile_codes_find(lic_tile_codes *codes);
/* The code of a tile; no bytes if the tile is missing. */
lic_tile_code lic_tile_codes_get(const lic_tile_codes *codes, size_t i);

#endif
