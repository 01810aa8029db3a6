/* alpha_old.h - alpha as files had it before the lossless coder (FORMAT.md, section 2, alph): rows
 * filtered as PNG does, packed by zlib. */
#ifndef LIC_CODEC_ALPHA_OLD_H
#define LIC_CODEC_ALPHA_OLD_H

#include "codec/deflate.h"
#include "codec/lic.h"

#include <stdbool.h>

typedef struct lic_old_plane {
    const lic_allocator *allocator;
    uint32_t width, depth;
    const uint8_t *at, *end;
    z_stream z;
    uint8_t *above, *row; /* with the filter type in front; row is the latest */
    uint8_t *block;
} lic_old_plane;

/* False: no memory. The plane must stay where it is, and the chunk too. */
bool lic_old_plane_open(lic_old_plane *p, const lic_chunk *chunk, uint32_t width, uint32_t depth,
                        const lic_allocator *allocator);
void lic_old_plane_close(lic_old_plane *p);
/* The samples of the next row. */
lic_status lic_old_plane_row(lic_old_plane *p, uint16_t *samples);
/* After the last row: whether the chunk ends here. */
bool lic_old_plane_ends(lic_old_plane *p);

#endif
