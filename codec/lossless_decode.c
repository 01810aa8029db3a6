/* lossless_decode.c - see lossless_tiles.h: tiles' code -> a band's colours. */
#include "codec/lossless_tiles.h"

#include "codec/base/bytes.h"

#include <string.h>

struct decode_job {
    lic_lossless_slots *s;
    lic_decoding *d;
    int row, column;
    size_t n;
};

/* Stores a sample of depth `from` in the image's depth. */
static void put_sample(const lic_image *image, uint8_t *row, size_t at, uint32_t v, uint32_t from)
{
    if (image->depth > from)
        v *= 257;
    else if (image->depth < from)
        v = (v * 255 + 32767) / 65535;
    if (image->depth == 8) {
        row[at] = (uint8_t)v;
    } else {
        const uint16_t wide = (uint16_t)v;
        memcpy(row + 2 * at, &wide, sizeof wide);
    }
}

/* Colours of a pixel; grey is repeated where three are wanted. Alpha is not touched. */
static void put_pixel(const lic_image *image, uint8_t *row, size_t x, const uint32_t v[3],
                      const lic_raster *tile)
{
    const uint32_t colours = image->channels < 3 ? 1 : 3;
    for (uint32_t i = 0; i < colours; i++)
        put_sample(image, row, x * image->channels + i, v[tile->channels == 1 ? 0 : i],
                   tile->depth);
}

static uint8_t *row_of(const lic_band *to, int y)
{
    return (uint8_t *)to->image.data + (size_t)(y - to->first_row) * to->image.stride_bytes;
}

/* Columns x0 .. x1 - 1 of a row of the picture. */
static void store_span(const lic_decoding *d, const lic_raster *tile, lic_area a, int y, int x0,
                       int x1)
{
    const lic_image *image = &d->to.image;
    uint8_t *row = row_of(&d->to, y);
    const uint32_t at = (uint32_t)(x0 - a.x0), n = (uint32_t)(x1 - x0),
                   from_row = (uint32_t)(y - a.y0);
    const size_t to = (size_t)(x0 - d->crop.x0), pixel = (size_t)tile->channels * (tile->depth / 8);
    if (tile->channels == image->channels && tile->depth == image->depth) {
        memcpy(row + to * pixel,
               (const uint8_t *)tile->data + from_row * tile->stride_bytes + at * pixel, n * pixel);
        return;
    }
    for (uint32_t x = 0; x < n; x++) {
        uint32_t v[3] = {0};
        for (uint32_t i = 0; i < tile->channels; i++)
            v[i] = lic_raster_sample(tile, at + x, from_row, i);
        put_pixel(image, row, to + x, v, tile);
    }
}

/* Block by block where only some are there. */
static void store(const lic_decoding *d, const lic_lossless_slot *slot, lic_area a, lic_area wanted)
{
    const lic_mask *mask = slot->coder.mask;
    for (int y = wanted.y0; y < wanted.y1; y++)
        for (int x = wanted.x0, end; x < wanted.x1; x = end) {
            const int block = LIC_MASK_SIDE - (x - a.x0) % LIC_MASK_SIDE;
            end = mask ? lic_smaller(x + block, wanted.x1) : wanted.x1;
            if (!mask || lic_mask_shows(mask, (uint32_t)(x - a.x0), (uint32_t)(y - a.y0)))
                store_span(d, &slot->tile, a, y, x, end);
        }
}

/* Means of scale x scale samples, or of what there is of them, rounded. */
static void store_means(const lic_decoding *d, const lic_lossless_slot *slot, lic_area a)
{
    const lic_raster *tile = &slot->tile;
    const lic_mask *mask = slot->coder.mask;
    const uint32_t scale = (uint32_t)d->scale;
    for (uint32_t y = 0; y < tile->height; y += scale)
        for (uint32_t x = 0; x < tile->width; x += scale) {
            const uint32_t x1 = x + scale < tile->width ? x + scale : tile->width;
            const uint32_t y1 = y + scale < tile->height ? y + scale : tile->height;
            const uint32_t n = (x1 - x) * (y1 - y);
            uint32_t v[3] = {0};
            if (mask && !lic_mask_shows(mask, x, y))
                continue;
            for (uint32_t i = 0; i < tile->channels; i++) {
                for (uint32_t yy = y; yy < y1; yy++)
                    for (uint32_t xx = x; xx < x1; xx++)
                        v[i] += lic_raster_sample(tile, xx, yy, i);
                v[i] = (v[i] + n / 2) / n;
            }
            put_pixel(&d->to.image, row_of(&d->to, (a.y0 + (int)y) / d->scale),
                      ((size_t)a.x0 + x) / scale, v, tile);
        }
}

static bool decode_whole(lic_lossless_slot *slot, lic_lossless_item *item, lic_range_decoder *dec)
{
    item->whole = lic_lossless_decode(&slot->coder, dec, &slot->tile) == slot->tile.height;
    return item->whole && lic_range_decoder_ok(dec);
}

/* What is left of a tile that has lost its end. Missing rows stay 0. If only the file's checksum
 * said so, it may turn out to be whole. */
static void salvage_code(lic_lossless_slot *slot, lic_lossless_item *item, bool may_be_whole)
{
    const lic_tile_code *code = &item->from;
    lic_range_decoder dec;
    lic_range_decoder_init(&dec, code->data, code->bytes);
    if (may_be_whole && decode_whole(slot, item, &dec) && lic_lossless_check(slot) == code->check) {
        item->damage = LIC_DAMAGE_NOT_CUT;
        return;
    }
    memset(slot->tile.data, 0, slot->tile.stride_bytes * slot->tile.height);
    lic_range_decoder_init(&dec, code->data, code->bytes);
    lic_range_decoder_salvage(&dec);
    decode_whole(slot, item, &dec);
    if (item->whole && dec.overrun == 0)
        item->damage = LIC_DAMAGE_CODE;
}

static void decode_code(lic_lossless_slot *slot, lic_lossless_item *item, const lic_decoding *d)
{
    const lic_tile_code *code = &item->from;
    lic_range_decoder dec;
    slot->coder.old_head = d->file.version == 2;
    slot->coder.mask = d->lossless ? NULL : &slot->mask;
    if (!code->whole) {
        salvage_code(slot, item, !d->codes.starts);
        return;
    }
    lic_range_decoder_init(&dec, code->data, code->bytes);
    if (!decode_whole(slot, item, &dec))
        item->damage = LIC_DAMAGE_CODE;
    else if (!d->no_check && lic_lossless_check(slot) != code->check)
        item->damage = LIC_DAMAGE_LATENTS;
}

static void decode_tile(lic_lossless_slot *slot, lic_lossless_item *item, const lic_decoding *d,
                        lic_area a)
{
    const lic_area wanted = {lic_larger(a.x0, d->crop.x0), lic_larger(a.y0, d->crop.y0),
                             lic_smaller(a.x1, d->crop.x1), lic_smaller(a.y1, d->crop.y1)};
    lic_lossless_slot_set(slot, a);
    decode_code(slot, item, d);
    if (item->damage)
        return;
    if (d->scale > 1)
        store_means(d, slot, a);
    else
        store(d, slot, a, wanted);
}

static void decode_item(void *user, size_t i, int worker)
{
    const struct decode_job *j = user;
    const lic_decoding *d = j->d;
    lic_lossless_item *item = &j->s->items[i];
    lic_lossless_slot *slot = lic_lossless_slot_of(j->s, j->n, i, worker);
    item->damage = LIC_DAMAGE_NONE;
    if (!d->lossless && item->from.bytes == 0)
        return;
    decode_tile(
        slot, item, d,
        lic_grid_visible(&d->grid, j->column + (int)i, j->row, d->file.width, d->file.height));
}

/* ---- the list of tiles with exact blocks ---- */

/* False if it cannot be read. A tile without exact blocks has no bytes and no check. */
static bool next_exact(lic_reader *r, lic_tile_code *code)
{
    *code = (lic_tile_code){.bytes = lic_read_varint(r), .whole = true};
    if (code->bytes > 0)
        code->check = lic_read_u32(r);
    code->data = r->at;
    if (r->failed || (size_t)(r->end - r->at) < code->bytes)
        return false;
    r->at += code->bytes;
    return true;
}

bool lic_exact_chunk_is_valid(const lic_chunk *chunk, size_t n)
{
    lic_reader r = {.at = chunk->data, .end = chunk->data + chunk->bytes};
    lic_tile_code code;
    for (size_t i = 0; i < n; i++)
        if (!next_exact(&r, &code))
            return false;
    return r.at == r.end;
}

/* The code of a tile. Of exact blocks, those before it are passed over. */
static lic_tile_code code_of(lic_decoding *d, int column, int row)
{
    const size_t i = (size_t)row * (size_t)d->grid.columns + (size_t)column;
    lic_tile_code code = {0};
    if (d->lossless)
        return lic_tile_codes_get(&d->codes, i);
    for (; d->exact_next <= i; d->exact_next++)
        if (!next_exact(&d->exact_reader, &code))
            d->damage = LIC_DAMAGE_EXACT;
    return code;
}

static void take_result(lic_decoding *d, const lic_lossless_item *item)
{
    if (d->lossless) {
        d->n_tiles++;
        d->n_whole_tiles += item->whole;
    }
    if (!d->damage && item->damage)
        d->damage = d->lossless ? item->damage : LIC_DAMAGE_EXACT;
}

/* All tiles at once, so that no thread waits for another before the end of the row. */
void lic_lossless_decode_row(lic_lossless_slots *s, nn *c, lic_decoding *d, int row, int first,
                             int last)
{
    const int n = last + 1 - first;
    struct decode_job j = {s, d, row, first, (size_t)n};
    for (int i = 0; i < n; i++)
        s->items[i].from = code_of(d, first + i, row);
    if (!d->damage)
        lic_pool_run(c->pool, (size_t)n, decode_item, &j);
    for (int i = 0; i < n && !d->damage; i++)
        take_result(d, &s->items[i]);
}
