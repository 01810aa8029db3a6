/* alpha.h - the plane of alpha as .lic files keep it (codec/FORMAT.md, alph): rows filtered as PNG
 * filters them, packed by zlib, row by row in both directions. Samples are uint8_t or uint16_t. */
#ifndef LIC_CLI_PICTURE_ALPHA_H
#define LIC_CLI_PICTURE_ALPHA_H

#include "codec/lic.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct lic_alpha_plane {
    const uint8_t *data; /* a zlib stream; NULL: all is opaque */
    size_t bytes;
    uint32_t depth;
    uint32_t width, x, y; /* a part of the plane: the width of all of it, and what is left out */
    void *owned;          /* to be freed; NULL if data is somebody else's */
} lic_alpha_plane;

/* Of a plane that is not packed. */
uint64_t lic_alpha_bytes(uint32_t width, uint32_t height, uint32_t depth);

typedef struct lic_alpha_packer lic_alpha_packer;
/* NULL: no memory. */
lic_alpha_packer *lic_alpha_packer_new(uint32_t width, uint32_t depth);
/* False: no memory. */
bool lic_alpha_pack_row(lic_alpha_packer *packer, const void *samples);
/* After the last row; the plane has no data if all rows were opaque. */
bool lic_alpha_pack_end(lic_alpha_packer *packer, lic_alpha_plane *plane);
void lic_alpha_packer_free(lic_alpha_packer *packer);

typedef struct lic_alpha_unpacker lic_alpha_unpacker;
/* width: of the rows wanted. NULL: no memory. */
lic_alpha_unpacker *lic_alpha_unpacker_new(const lic_alpha_plane *plane, uint32_t width);
/* The next row, at the plane's depth. Fails on a damaged plane, and without memory. */
lic_status lic_alpha_unpack_row(lic_alpha_unpacker *unpacker, void *samples, lic_error *err);
/* Is the plane at its end, as it should be? A part may end before. */
lic_status lic_alpha_unpack_end(lic_alpha_unpacker *unpacker, lic_error *err);
void lic_alpha_unpacker_free(lic_alpha_unpacker *unpacker);

#endif
