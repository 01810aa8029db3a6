/* tiles.c - see tiles.h. */
#include "codec/tiles.h"

#include "models/nn.h"

int lic_padded(uint32_t pixels)
{
    return (int)((pixels + LIC_UNIT - 1) / LIC_UNIT * LIC_UNIT);
}

static int divide_up(int a, int b)
{
    return (a + b - 1) / b;
}

bool lic_grid_init(lic_grid *grid, uint32_t width, uint32_t height, int tile_w, int tile_h)
{
    grid->width = lic_padded(width);
    grid->height = lic_padded(height);
    grid->tile_w = tile_w ? tile_w : grid->width;
    grid->tile_h = tile_h ? tile_h : grid->height;
    if (grid->tile_w < LIC_UNIT || grid->tile_h < LIC_UNIT || grid->tile_w % LIC_UNIT ||
        grid->tile_h % LIC_UNIT)
        return false;
    grid->tile_w =
        lic_smaller(grid->tile_w, grid->width); /* as memory is taken for whole rows of tiles */
    grid->tile_h = lic_smaller(grid->tile_h, grid->height);
    grid->columns = divide_up(grid->width, grid->tile_w);
    grid->rows = divide_up(grid->height, grid->tile_h);
    return true;
}

/* The side of the tiles along one axis. */
static int choose_side(uint32_t pixels, int side)
{
    const int units = lic_padded(pixels) / LIC_UNIT, tiles = divide_up(units, side / LIC_UNIT);
    return divide_up(units, tiles) * LIC_UNIT;
}

bool lic_scale_is_valid(uint32_t scale)
{
    return scale && scale <= LIC_MAX_SCALE && (scale & (scale - 1)) == 0;
}

bool lic_tile_side_is_valid(uint32_t side)
{
    return side % LIC_UNIT == 0 && side <= LIC_MAX_TILE;
}

void lic_grid_choose(uint32_t width, uint32_t height, uint32_t side, int *tile_w, int *tile_h)
{
    const int most = side ? (int)side : LIC_TILE_SIDE;
    *tile_w = *tile_h = 0;
    if (lic_padded(width) <= most && lic_padded(height) <= most)
        return;
    *tile_w = choose_side(width, most);
    *tile_h = choose_side(height, most);
}

lic_area lic_grid_tile(const lic_grid *grid, int column, int row)
{
    const int x = column * grid->tile_w, y = row * grid->tile_h;
    return (lic_area){x, y, lic_smaller(x + grid->tile_w, grid->width),
                      lic_smaller(y + grid->tile_h, grid->height)};
}

lic_area lic_grid_visible(const lic_grid *grid, int column, int row, uint32_t width,
                          uint32_t height)
{
    lic_area a = lic_grid_tile(grid, column, row);
    a.x1 = lic_smaller(a.x1, (int)width);
    a.y1 = lic_smaller(a.y1, (int)height);
    return a;
}

/* Along one axis: the tile from..to of a picture of `length`, with its halo. */
static void widen(int length, int *from, int *to)
{
    const bool first = *from == 0, last = *to == length;
    if (!first)
        *from -= last ? LIC_UNIT : LIC_HALO;
    if (!last)
        *to += first ? LIC_UNIT : LIC_HALO;
}

lic_area lic_grid_region(const lic_grid *grid, int column, int row)
{
    lic_area a = lic_grid_tile(grid, column, row);
    widen(grid->width, &a.x0, &a.x1);
    widen(grid->height, &a.y0, &a.y1);
    return a;
}

unsigned lic_grid_open(const lic_grid *grid, lic_area area)
{
    return (area.x0 > 0 ? LIC_OPEN_LEFT : 0u) | (area.x1 < grid->width ? LIC_OPEN_RIGHT : 0u) |
           (area.y0 > 0 ? LIC_OPEN_TOP : 0u) | (area.y1 < grid->height ? LIC_OPEN_BOTTOM : 0u);
}

uint64_t lic_tiles_alike(int i, int first, int last)
{
    const int between = last - first - 3; /* beyond the outer two on either side */
    if (i == first + 1 && between > 0)
        return (uint64_t)between + 1;
    return i < first + 2 || i > last - 2;
}
