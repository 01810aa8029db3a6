/* exact.h - blocks of a picture with loss that are kept to the last bit: text, windows and charts
 * beside photographs. An encoder chooses them, codes them without loss, and shows the network
 * something smooth in their place; a decoder puts them over what the network makes (FORMAT.md,
 * section 14). */
#ifndef LIC_CODEC_EXACT_H
#define LIC_CODEC_EXACT_H

#include "codec/lossless_tiles.h"
#include "codec/tile_list.h"

/* Blocks of an area of whole blocks, cut where the picture ends. */
typedef struct lic_exact_work {
    uint32_t *costs; /* of coding each block without loss, in 1 / 64 bits */
    uint32_t *worth; /* what the network would make it cost, error included */
    size_t n;        /* room for blocks */
} lic_exact_work;

/* All of a picture. */
typedef struct lic_exact {
    lic_mask map;       /* its blocks; those that are kept exactly are marked */
    lic_tile_list list; /* their code, as the chunk has it; its allocator is set by the caller */
    bool any;
} lic_exact;

/* A tile, with what it takes to code it. */
typedef struct lic_exact_tile {
    nn *c;
    const lic_grid *grid;
    const lic_band *from;
    int column, row;
    uint32_t quality_code;
    lic_lossless_slots *one;
    lic_exact_work *work;
} lic_exact_tile;

/* Takes memory for the map of a picture, in which nothing is marked yet. */
void lic_exact_take(lic_exact *e, nn *c, uint32_t width, uint32_t height);
/* Chooses the exact blocks of the next tile, marks them and lists their code. False: no memory. */
bool lic_exact_encode(lic_exact *e, const lic_exact_tile *tile);

/* ---- the parts of it ---- */

/* Memory for the blocks of an area of this size. */
void lic_exact_work_take(lic_exact_work *w, nn *c, int width, int height);
/* Whether an area has so many blocks that are drawn, and not empty, that a closer look is worth its
 * time. Cheap beside the networks. mask->shown gets the blocks to look at: all that may be drawn.
 */
bool lic_exact_may_pay(const lic_band *from, lic_area area, lic_mask *mask);
/* Of these blocks of an area, whose costs are known by now, leaves those in mask->shown for which
 * it pays. Returns whether there are any. The quality sets the price of an error. */
bool lic_exact_choose(lic_exact_work *w, const lic_band *from, lic_area area, uint32_t quality_code,
                      lic_mask *mask);
/* Replaces the pixels of a map's blocks in x [h, w, 3], whose corner is the pixel (x0, y0), by a
 * smooth continuation of the others. The map is that of the whole picture; x may reach beyond it.
 */
void lic_exact_fill(nn *c, const lic_mask *map, int x0, int y0, tensor x);

#endif
