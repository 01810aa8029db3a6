/* tile_list.h - the coded tiles of a picture as a file lists them: [varint number][check][code]. */
#ifndef LIC_CODEC_TILE_LIST_H
#define LIC_CODEC_TILE_LIST_H

#include "codec/lic.h"

#include <stdbool.h>

typedef struct lic_tile_list {
    lic_buffer bytes; /* its allocator is set by the caller */
    size_t capacity;
    uint32_t check; /* of the tiles' checks */
} lic_tile_list;

/* number: what FORMAT.md has in front of a tile, its bytes or those and its kind. False: no memory,
 * or more than a file can say. */
bool lic_tile_list_append(lic_tile_list *list, const uint8_t *code, size_t bytes, size_t number,
                          uint32_t check);

#endif
