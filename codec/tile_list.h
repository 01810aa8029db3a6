/* tile_list.h - coded tiles as a file lists them: [varint bytes][check][code]. */
#ifndef LIC_CODEC_TILE_LIST_H
#define LIC_CODEC_TILE_LIST_H

#include "codec/lic.h"

#include <stdbool.h>

typedef struct lic_tile_list {
    lic_buffer bytes; /* its allocator is set by the caller */
    size_t capacity;
    size_t n, expected; /* tiles so far, and in all; expected is the caller's to set, or 0 */
    uint32_t check; /* of the tiles' checks */
} lic_tile_list;

/* False: no memory, or more than a file can say. */
bool lic_tile_list_append(lic_tile_list *list, const uint8_t *code, size_t bytes, uint32_t check);
/* A tile that has no code. */
bool lic_tile_list_skip(lic_tile_list *list);
/* The code of a picture that is not cut into tiles: its only tile, without a head. */
bool lic_tile_list_only(lic_tile_list *list, const uint8_t *code, size_t bytes, uint32_t check);

#endif
