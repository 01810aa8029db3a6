/* lossless_tiles.c - see lossless_tiles.h. */
#include "codec/lossless_tiles.h"

#include "codec/base/bytes.h"

#include <string.h>

/* That an encoder's thread codes before it waits for others, where there are several: so few that
 * their code takes little memory. */
enum { TILES_EACH = 8 };

/* ---- memory ---- */

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
        lic_lossless_slot none = {.whole = false}, *slot = s->slots ? &s->slots[i] : &none;
        *slot = none;
        lic_lossless_take(&slot->coder, c->arena, w, h, channels, depth);
        slot->tile = (lic_raster){.stride_bytes = row, .channels = channels, .depth = depth};
        slot->tile.data = lic_arena_take(c->arena, h, row);
        slot->mask.shown = lic_arena_take(c->arena, (size_t)lic_mask_blocks(w) * lic_mask_blocks(h),
                                          sizeof *slot->mask.shown);
    }
}

/* A row may have more tiles than there are slots, which then go with the workers. */
static lic_lossless_slot *slot_of(lic_lossless_slots *s, size_t n, size_t item, int worker)
{
    return &s->slots[n > (size_t)s->n ? (size_t)worker : item];
}

/* Of the samples that are coded, row by row. */
static uint32_t check_of(const lic_lossless_slot *slot)
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

/* ---- encoding ---- */

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
    item->check = check_of(slot);
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
    lic_lossless_slot *slot = slot_of(j->s, j->n, i, worker);
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

/* ---- decoding ---- */

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

/* Means of 16 x 16 samples, or of what there is of them, rounded. */
static void store_means(const lic_decoding *d, const lic_lossless_slot *slot, lic_area a)
{
    const lic_raster *tile = &slot->tile;
    const lic_mask *mask = slot->coder.mask;
    const uint32_t scale = LIC_PREVIEW_SCALE; /* a block's side */
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
            put_pixel(&d->to.image, row_of(&d->to, (a.y0 + (int)y) / LIC_PREVIEW_SCALE),
                      ((size_t)a.x0 + x) / scale, v, tile);
        }
}

static bool decode_whole(lic_lossless_slot *slot, lic_range_decoder *dec)
{
    slot->whole = lic_lossless_decode(&slot->coder, dec, &slot->tile) == slot->tile.height;
    return slot->whole && lic_range_decoder_ok(dec);
}

/* What is left of a tile that has lost its end. Missing rows stay 0. If only the file's checksum
 * said so, it may turn out to be whole. */
static void salvage_code(lic_lossless_slot *slot, const lic_tile_code *code, bool may_be_whole)
{
    lic_range_decoder dec;
    lic_range_decoder_init(&dec, code->data, code->bytes);
    if (may_be_whole && decode_whole(slot, &dec) && check_of(slot) == code->check) {
        slot->damage = LIC_DAMAGE_NOT_CUT;
        return;
    }
    memset(slot->tile.data, 0, slot->tile.stride_bytes * slot->tile.height);
    lic_range_decoder_init(&dec, code->data, code->bytes);
    lic_range_decoder_salvage(&dec);
    decode_whole(slot, &dec);
    if (slot->whole && dec.overrun == 0)
        slot->damage = LIC_DAMAGE_CODE;
}

static void decode_code(lic_lossless_slot *slot, const lic_tile_code *code, const lic_decoding *d)
{
    lic_range_decoder dec;
    slot->damage = LIC_DAMAGE_NONE;
    slot->coder.old_head = d->file.version == 2;
    slot->coder.mask = d->lossless ? NULL : &slot->mask;
    if (!code->whole) {
        salvage_code(slot, code, !d->codes.starts);
        return;
    }
    lic_range_decoder_init(&dec, code->data, code->bytes);
    if (!decode_whole(slot, &dec))
        slot->damage = LIC_DAMAGE_CODE;
    else if (!d->no_check && check_of(slot) != code->check)
        slot->damage = LIC_DAMAGE_LATENTS;
}

static void decode_tile(lic_lossless_slot *slot, const lic_tile_code *code, const lic_decoding *d,
                        lic_area a)
{
    const lic_area wanted = {lic_larger(a.x0, d->crop.x0), lic_larger(a.y0, d->crop.y0),
                             lic_smaller(a.x1, d->crop.x1), lic_smaller(a.y1, d->crop.y1)};
    lic_lossless_slot_set(slot, a);
    decode_code(slot, code, d);
    if (slot->damage)
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
    lic_lossless_slot *slot = slot_of(j->s, j->n, i, worker);
    item->damage = LIC_DAMAGE_NONE;
    if (!d->lossless && item->from.bytes == 0)
        return;
    decode_tile(
        slot, &item->from, d,
        lic_grid_visible(&d->grid, j->column + (int)i, j->row, d->file.width, d->file.height));
    item->damage = slot->damage;
    item->whole = slot->whole;
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
