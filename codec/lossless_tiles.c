/* lossless_tiles.c - see lossless_tiles.h: memory of the tiles at work. */
#include "codec/lossless_tiles.h"

#include "codec/base/bytes.h"

/* That an encoder's thread codes before it waits for others, where there are several: so few that
 * their code takes little memory. */
enum { TILES_EACH = 8 };

void lic_lossless_slots_take(lic_lossless_slots *s, int most, nn *c, const lic_grid *grid,
                             uint32_t channels, uint32_t depth, bool decoding)
{
    const uint32_t w = (uint32_t)grid->tile_w, h = (uint32_t)grid->tile_h;
    const size_t row = (size_t)w * channels * (depth / 8);
    s->n = lic_smaller(most, grid->columns);
    s->n_items = decoding   ? grid->columns
                 : s->n > 1 ? lic_smaller(TILES_EACH * s->n, grid->columns)
                            : 1;
    s->near = 0;
    s->code_bytes = decoding ? 0 : lic_lossless_room(row * h);
    s->slots = lic_arena_take(c->arena, (size_t)s->n, sizeof *s->slots);
    s->items = lic_arena_take(c->arena, (size_t)s->n_items, sizeof *s->items);
    for (int i = 0; i < s->n_items; i++) {
        lic_lossless_item none, *item = s->items ? &s->items[i] : &none;
        *item = (lic_lossless_item){.whole = false};
        item->encoder.data = lic_arena_take(c->arena, s->code_bytes, 1);
    }
    for (int i = 0; i < s->n; i++) {
        lic_lossless_slot none = {.mask = {0}}, *slot = s->slots ? &s->slots[i] : &none;
        *slot = none;
        lic_lossless_take(&slot->coder, c->arena, w, h, channels, depth);
        slot->tile = (lic_raster){.stride_bytes = row, .channels = channels, .depth = depth};
        slot->tile.data = lic_arena_take(c->arena, h, row);
        slot->mask.shown = lic_arena_take(c->arena, (size_t)lic_mask_blocks(w) * lic_mask_blocks(h),
                                          sizeof *slot->mask.shown);
    }
}

lic_lossless_slot *lic_lossless_slot_of(lic_lossless_slots *s, size_t n, size_t item, int worker)
{
    return &s->slots[n > (size_t)s->n ? (size_t)worker : item];
}

uint32_t lic_lossless_check(const lic_lossless_slot *slot)
{
    const lic_raster *r = &slot->tile;
    const size_t pixel = (size_t)r->channels * (r->depth / 8);
    const uint32_t step = slot->coder.mask ? LIC_MASK_SIDE : r->width;
    uint32_t crc = 0;
    for (uint32_t y = 0; y < r->height; y++)
        for (uint32_t x = 0; x < r->width; x += step)
            if (!slot->coder.mask || lic_mask_shows(slot->coder.mask, x, y))
                crc = lic_crc32(crc, (const uint8_t *)r->data + y * r->stride_bytes + x * pixel,
                                (r->width - x < step ? r->width - x : step) * pixel);
    return crc;
}

void lic_lossless_slot_set(lic_lossless_slot *slot, lic_area a)
{
    slot->tile.width = (uint32_t)(a.x1 - a.x0);
    slot->tile.height = (uint32_t)(a.y1 - a.y0);
    slot->mask.columns = lic_mask_blocks(slot->tile.width);
    slot->mask.rows = lic_mask_blocks(slot->tile.height);
}
