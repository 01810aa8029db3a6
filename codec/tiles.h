/* tiles.h - how large pictures are cut (FORMAT.md, section 3) into a grid of tiles, each
 * entropy-coded on its own. g_a and g_s see a region around each tile, so that no seams show.
 * Integers only; every length is in pixels of the padded picture and a multiple of 16. */
#ifndef LIC_CODEC_TILES_H
#define LIC_CODEC_TILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LIC_UNIT = 64, /* pictures, tiles and regions are multiples of it: one position of z, 8 x 8
                      pixels of a window at 1/8 */
    LIC_TILE_SIDE = 1024, /* an encoder's largest tile, unless told otherwise */
    LIC_MAX_TILE = 16384, /* the format's limit */
    LIC_HALO = 32 /* what a region shows of its neighbours on either side; 64 where the picture
                     ends on the other side, so that lengths stay multiples of LIC_UNIT */
};
/* Pixels to one of a reduced picture, along either axis: 1, 2, 4, 8 or 16. There it is a latent's.
 */
enum { LIC_MAX_SCALE = 16 };

typedef struct lic_grid {
    int width, height;  /* of the padded picture */
    int tile_w, tile_h; /* of all tiles but the last of a row or column; not above width, height */
    int columns, rows;
} lic_grid;

typedef struct lic_area {
    int x0, y0, x1, y1; /* half-open */
} lic_area;

static inline int lic_smaller(int a, int b)
{
    return a < b ? a : b;
}

static inline int lic_larger(int a, int b)
{
    return a > b ? a : b;
}

/* A length of the picture, padded to LIC_UNIT. */
int lic_padded(uint32_t pixels);
/* Grid of a picture; tile sides 0 mean one tile. False unless tile sides are multiples of LIC_UNIT.
 */
bool lic_grid_init(lic_grid *grid, uint32_t width, uint32_t height, int tile_w, int tile_h);
/* 1, 2, 4, 8 or 16. */
bool lic_scale_is_valid(uint32_t scale);
/* Whether an encoder may be asked for tiles of up to this side. 0 means LIC_TILE_SIDE. */
bool lic_tile_side_is_valid(uint32_t side);
/* An encoder's choice: as few tiles as sides up to `side` allow, as equal as possible; 0, 0 for
 * one. */
void lic_grid_choose(uint32_t width, uint32_t height, uint32_t side, int *tile_w, int *tile_h);
lic_area lic_grid_tile(const lic_grid *grid, int column, int row);
/* A tile without the padding of the picture. */
lic_area lic_grid_visible(const lic_grid *grid, int column, int row, uint32_t width,
                          uint32_t height);
lic_area lic_grid_region(const lic_grid *grid, int column, int row);
/* Sides of an area beyond which the picture goes on: LIC_OPEN_ bits of models/nn.h. */
unsigned lic_grid_open(const lic_grid *grid, lic_area area);
/* Planning need not look at every tile: along an axis, of tiles first..last, the outer two on
 * either side have every size of region that there is. Returns how many tiles number i stands for.
 * That is 1, except that the second one stands also for all those between, which get 0. */
uint64_t lic_tiles_alike(int i, int first, int last);

#endif
