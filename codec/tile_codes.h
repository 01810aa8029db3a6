/* tile_codes.h - where in a file the code of each tile is, and what of it is there if the file was
 * cut. Bytes only; FORMAT.md, sections 3 and 9. */
#ifndef LIC_CODEC_TILE_CODES_H
#define LIC_CODEC_TILE_CODES_H

#include "codec/container.h"

#include <stdbool.h>

typedef struct lic_tile_codes {
    const lic_container *file;
    const uint8_t **starts; /* [n] where each tile begins; NULL: one tile, without a head */
    size_t n;
    size_t n_whole; /* those that are there to the last byte; the next one may be there in part */
    bool cut;       /* the file has lost its end */
} lic_tile_codes;

typedef struct lic_tile_code {
    const uint8_t *data;
    size_t bytes;
    uint32_t check;
    bool whole; /* as far as the lengths tell: of a file of one tile that was cut, not known */
} lic_tile_code;

/* Finds the tiles of a file in tiles; codes->file, starts, n and cut are the caller's. False unless
 * they fill the latents exactly and their checks give the head's; of a file that was cut: unless
 * tiles are missing, the last one there perhaps in part. */
bool lic_tile_codes_find(lic_tile_codes *codes);
/* The code of a tile; of no bytes if the tile is missing. */
lic_tile_code lic_tile_codes_get(const lic_tile_codes *codes, size_t i);

#endif
