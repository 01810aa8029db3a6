/* lossless_tiles.h - codes rows of tiles with the lossless coder of entropy/, several tiles at a
 * time. Tiles do not depend on the number of threads, so neither do bytes and pixels. */
#ifndef LIC_CODEC_LOSSLESS_TILES_H
#define LIC_CODEC_LOSSLESS_TILES_H

#include "codec/decode_tiles.h"
#include "codec/pixels.h"
#include "codec/session.h"
#include "entropy/lossless.h"

enum { LIC_LOSSLESS_SIDE = 512 }; /* an encoder's largest tile: small, so that there are several */

/* One tile at work. */
typedef struct lic_lossless_slot {
    lic_lossless coder;
    lic_raster tile; /* memory of its own */
    lic_mask mask;   /* if only some blocks are coded, see lic_lossless.mask; else without use */
} lic_lossless_slot;

/* One tile of a row. */
typedef struct lic_lossless_item {
    lic_tile_code from; /* decoding; without bytes: nothing is coded */
    lic_damage damage;
    lic_range_encoder encoder; /* encoding; its data is the item's */
    uint32_t check;
    bool whole; /* decoding: it has all its rows; encoding: there was room for its code */
} lic_lossless_item;

typedef struct lic_lossless_slots {
    lic_lossless_slot *slots; /* [n]; NULL while planning */
    lic_lossless_item *items; /* [n_items] */
    int n, n_items;
    size_t code_bytes; /* encoding: room for each item's code */
    uint32_t near; /* encoding: how far off colours may be, see lic_encode_options; 0 at first */
} lic_lossless_slots;

/* Takes memory for as many tiles at work as `most` and the columns allow, and for the items that
 * are worked on before all wait for the last: one if there is one thread. */
void lic_lossless_slots_take(lic_lossless_slots *s, int most, nn *c, const lic_grid *grid,
                             uint32_t channels, uint32_t depth, bool decoding);
/* Sets the sides of a tile at work, and of its mask. */
void lic_lossless_slot_set(lic_lossless_slot *slot, lic_area area);
/* The slot for an item of n. A row may have more tiles than there are slots, which then go with the
 * workers. */
lic_lossless_slot *lic_lossless_slot_of(lic_lossless_slots *s, size_t n, size_t item, int worker);
/* The check of the samples that are coded, row by row. */
uint32_t lic_lossless_check(const lic_lossless_slot *slot);
/* Codes the colours of n tiles (s->n_items at most) from `column` on; item i then has tile column +
 * i. */
void lic_lossless_encode_tiles(lic_lossless_slots *s, nn *c, const lic_grid *grid,
                               const lic_band *from, int row, int column, int n);
/* Decodes what is wanted of the tiles first .. last of a row into the band. In a picture with loss,
 * these are the blocks that are kept exactly, of d->exact; rows come in ascending order. */
void lic_lossless_decode_row(lic_lossless_slots *s, nn *c, lic_decoding *d, int row, int first,
                             int last);
/* Whether a chunk of exact blocks lists n tiles, and nothing after them. */
bool lic_exact_chunk_is_valid(const lic_chunk *chunk, size_t n);

#endif
