/* exact_encode.c - see exact.h: the blocks of a tile that are kept exactly, from the pixels to the
 * chunk. */
#include "codec/exact.h"

#include <string.h>

void lic_exact_take(lic_exact *e, nn *c, uint32_t width, uint32_t height)
{
    e->map.columns = lic_mask_blocks(width);
    e->map.rows = lic_mask_blocks(height);
    e->map.shown = lic_arena_take(c->arena, (size_t)e->map.columns * e->map.rows, 1);
    if (!lic_nn_idle(c))
        memset(e->map.shown, 0, (size_t)e->map.columns * e->map.rows);
}

/* Marks a tile's blocks in the map of the picture. */
static void mark_blocks(lic_exact *e, lic_area a, const lic_mask *mask)
{
    for (uint32_t y = 0; y < mask->rows; y++)
        memcpy(e->map.shown + ((size_t)a.y0 / LIC_MASK_SIDE + y) * e->map.columns +
                   a.x0 / LIC_MASK_SIDE,
               mask->shown + (size_t)y * mask->columns, mask->columns);
}

static void encode(const lic_exact_tile *t)
{
    lic_lossless_encode_tiles(t->one, t->c, t->grid, t->from, t->row, t->column, 1);
}

/* Codes all blocks that may be drawn, for what each costs, and then those that are chosen. Returns
 * whether there are any. */
static bool choose_and_encode(lic_exact *e, const lic_exact_tile *t, lic_area a,
                              lic_lossless_slot *slot)
{
    if (!lic_exact_may_pay(t->from, a, &slot->mask))
        return false;
    memset(t->work->costs, 0, t->work->n * sizeof *t->work->costs);
    slot->coder.costs = t->work->costs;
    encode(t);
    slot->coder.costs = NULL;
    if (!lic_exact_choose(t->work, t->from, a, t->quality_code, &slot->mask))
        return false;
    mark_blocks(e, a, &slot->mask);
    encode(t);
    return true;
}

bool lic_exact_encode(lic_exact *e, const lic_exact_tile *t)
{
    const lic_image *image = &t->from->image;
    const lic_area a = lic_grid_visible(t->grid, t->column, t->row, image->width, image->height);
    lic_lossless_slot *slot = &t->one->slots[0];
    lic_lossless_slot_set(slot, a);
    slot->coder.mask = &slot->mask;
    const bool any = choose_and_encode(e, t, a, slot);
    slot->coder.mask = NULL;
    e->any |= any;
    const lic_lossless_item *item = &t->one->items[0];
    return any ? item->whole && lic_tile_list_append(&e->list, item->encoder.data,
                                                     item->encoder.bytes, item->check)
               : lic_tile_list_skip(&e->list);
}
