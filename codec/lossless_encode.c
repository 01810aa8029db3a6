/* lossless_encode.c - see lossless_tiles.h: a band's colours -> tiles' code. */
#include "codec/lossless_tiles.h"

#include <string.h>

struct encode_job {
    lic_lossless_slots *s;
    const lic_grid *grid;
    const lic_band *from;
    int row, column;
    size_t n;
};

/* A tile's colours, alpha left out. */
static void copy_colours(const lic_band *from, lic_area a, lic_raster *to)
{
    const lic_image *image = &from->image;
    const size_t sample = image->depth / 8, step = image->channels * sample;
    const size_t colours = to->channels * sample;
    for (int y = a.y0; y < a.y1; y++) {
        const uint8_t *in = (const uint8_t *)image->data +
                            (size_t)(y - from->first_row) * image->stride_bytes +
                            (size_t)a.x0 * step;
        uint8_t *out = (uint8_t *)to->data + (size_t)(y - a.y0) * to->stride_bytes;
        if (step == colours)
            memcpy(out, in, (size_t)to->width * step);
        else
            for (uint32_t x = 0; x < to->width; x++)
                memcpy(out + x * colours, in + x * step, colours);
    }
}

/* The nearest of a few values: every (2 near + 1)th, and white. The coder numbers them, so that
 * it predicts and codes numbers. */
static uint32_t nearest(uint32_t v, uint32_t near, uint32_t white)
{
    return white - v <= near ? white : (v + near) / (2 * near + 1) * (2 * near + 1);
}

static void move_colours(lic_raster *r, uint32_t near)
{
    const uint32_t n = r->width * r->channels;
    for (uint32_t y = 0; y < r->height; y++) {
        uint8_t *bytes = (uint8_t *)r->data + y * r->stride_bytes;
        uint16_t *words = (uint16_t *)(void *)bytes;
        for (uint32_t i = 0; i < n; i++)
            if (r->depth == 8)
                bytes[i] = (uint8_t)nearest(bytes[i], near, 255);
            else
                words[i] = (uint16_t)nearest(words[i], near, 65535);
    }
}

/* What is not coded becomes like its neighbours. The first pixels are done last, and backwards. */
static void fill_hidden(const lic_mask *mask, const lic_raster *r)
{
    const size_t pixel = (size_t)r->channels * (r->depth / 8);
    const uint32_t n = r->width * r->height;
    uint8_t *last = NULL;
    for (uint32_t i = 0; i < 2 * n; i++) {
        const uint32_t at = i < n ? i : 2 * n - 1 - i;
        const uint32_t x = at % r->width, y = at / r->width;
        uint8_t *to = (uint8_t *)r->data + y * r->stride_bytes + x * pixel;
        if (i == n)
            last = NULL;
        if (lic_mask_shows(mask, x, y))
            last = to;
        else if (last)
            memcpy(to, last, pixel);
    }
}

/* Codes a tile, its colours moved by up to `near`. */
static void encode_area(const struct encode_job *j, lic_lossless_slot *slot, lic_area a,
                        uint32_t near, lic_lossless_item *item)
{
    uint8_t *code = item->encoder.data;
    copy_colours(j->from, a, &slot->tile);
    if (near)
        move_colours(&slot->tile, near);
    slot->coder.step = 2 * near + 1;
    item->check = lic_lossless_check(slot);
    if (slot->coder.mask)
        fill_hidden(slot->coder.mask, &slot->tile);
    lic_range_encoder_init(&item->encoder, lic_lossless_refuse_growth, NULL);
    item->encoder.data = code;
    item->encoder.capacity = j->s->code_bytes;
    lic_lossless_encode(&slot->coder, &item->encoder, &slot->tile);
    item->whole = lic_range_finish(&item->encoder);
}

/* Drawn slopes are smaller as they are than moved to steps; small tiles, such as icons, are tried
 * both ways. */
static void encode_item(void *user, size_t i, int worker)
{
    enum { TRIED_PIXELS = 128 * 128 };
    const struct encode_job *j = user;
    lic_lossless_slot *slot = lic_lossless_slot_of(j->s, j->n, i, worker);
    lic_lossless_item *item = &j->s->items[i];
    const lic_image *image = &j->from->image;
    const lic_area a =
        lic_grid_visible(j->grid, j->column + (int)i, j->row, image->width, image->height);
    lic_lossless_slot_set(slot, a);
    const bool tried = slot->tile.width * slot->tile.height <= TRIED_PIXELS;
    size_t exact = SIZE_MAX;
    if (j->s->near && tried) {
        encode_area(j, slot, a, 0, item);
        exact = item->encoder.bytes;
    }
    encode_area(j, slot, a, j->s->near, item);
    if (item->encoder.bytes > exact)
        encode_area(j, slot, a, 0, item);
}

void lic_lossless_encode_tiles(lic_lossless_slots *s, nn *c, const lic_grid *grid,
                               const lic_band *from, int row, int column, int n)
{
    struct encode_job j = {s, grid, from, row, column, (size_t)n};
    lic_pool_run(c->pool, (size_t)n, encode_item, &j);
}
