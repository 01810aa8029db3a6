/* encode_tiles.c - see encode_tiles.h: picture -> tiles -> g_a, h_a -> latents -> code. A picture
 * of one tile is a grid of one, so there is only one path. */
#include "codec/encode_tiles.h"

#include "codec/base/status.h"
#include "codec/drawn.h"
#include "codec/latent.h"
#include "codec/lossless_tiles.h"
#include "codec/pixels.h"

#include <string.h>

static void *grow(void *user, void *old, size_t old_bytes, size_t new_bytes)
{
    return lic_realloc(user, old, old_bytes, new_bytes);
}

void lic_encoding_drop_code(lic_encoding *e)
{
    if (e->coder.data)
        lic_dealloc(e->tiles.bytes.allocator, e->coder.data);
    e->coder.data = NULL;
}

static void append_exact(lic_encoding *e, lic_tile_list *list, const lic_lossless_item *item)
{
    const lic_range_encoder *coder = &item->encoder;
    if (!item->whole || !(e->tile_w ? lic_tile_list_append : lic_tile_list_only)(
                            list, coder->data, coder->bytes, item->check))
        e->status = LIC_ERR_MEMORY;
}

/* Ends the code of a tile. */
static void end_tile(lic_encoding *e, tensor y_hat)
{
    const uint32_t check = lic_latent_check(y_hat);
    if (!lic_range_finish(&e->coder)) {
        e->status = LIC_ERR_MEMORY;
    } else if (!e->tile_w) {
        e->check = check;
    } else {
        if (!lic_tile_list_append(&e->tiles, e->coder.data, e->coder.bytes, check))
            e->status = LIC_ERR_MEMORY;
        lic_encoding_drop_code(e);
    }
}

/* y of the tile alone, cut from what g_a makes of its region. */
static tensor analyse(lic_session *session, nn *c, lic_encoding *e, lic_area tile, lic_area region)
{
    const network *net = &session->model->net;
    const int h = (tile.y1 - tile.y0) / 16, w = (tile.x1 - tile.x0) / 16;
    tensor y = lic_nn_new(c, h, w, net->m);
    const size_t mark = lic_arena_mark(c->arena);
    tensor x = lic_nn_new(c, region.y1 - region.y0, region.x1 - region.x0, 3);
    lic_nn_part(c, LIC_PART_SAMPLES);
    lic_pixels_load(c, &e->from, region.x0, region.y0, x);
    if (c->arena->planning ? e->chooses : e->blocks.any)
        lic_exact_fill(c, &e->blocks.map, region.x0, region.y0, x);
    const tensor seen = lic_g_a(c, net, &e->rate, x);
    for (int row = 0; row < h && !lic_nn_idle(c); row++)
        memcpy(lic_nn_at(y, row, 0),
               lic_nn_at(seen, row + (tile.y0 - region.y0) / 16, (tile.x0 - region.x0) / 16),
               (size_t)w * y.pitch * sizeof *y.data);
    lic_arena_rewind(c->arena, mark);
    return y;
}

/* Codes a tile without loss: whole while the picture is a drawing, and its exact blocks. */
static void decide_tile(nn *c, lic_encoding *e, lic_lossless_slots *one, lic_exact_work *work,
                        int column, int row)
{
    const lic_image *image = &e->from.image;
    e->drawn = e->drawn && lic_looks_drawn(&e->from, lic_grid_visible(&e->grid, column, row,
                                                                      image->width, image->height));
    if (e->drawn) {
        lic_lossless_encode_tiles(one, c, &e->grid, &e->from, row, column, 1);
        append_exact(e, &e->exact, &one->items[0]);
    }
    const lic_exact_tile tile = {c, &e->grid, &e->from, column, row, e->quality_code, one, work};
    if (!lic_exact_encode(&e->blocks, &tile))
        e->status = LIC_ERR_MEMORY;
}

/* Decides for a row of tiles what is kept exactly, before a network sees any of it. */
static void decide_row(lic_session *session, nn *c, lic_encoding *e, int row)
{
    const size_t mark = lic_arena_mark(c->arena);
    const lic_image *image = &e->from.image;
    lic_lossless_slots one;
    lic_exact_work work;
    lic_lossless_slots_take(&one, 1, c, &e->grid, image->channels < 3 ? 1 : 3, image->depth, false);
    lic_exact_work_take(&work, c, e->grid.tile_w, e->grid.tile_h);
    if (!lic_nn_idle(c)) {
        const double start = lic_session_stage(session, c, LIC_STAGE_CODING);
        for (int column = 0; column < e->grid.columns && !e->status; column++)
            decide_tile(c, e, &one, &work, column, row);
        lic_session_stage_end(session, start);
        session->done -=
            lic_stage_share(LIC_STAGE_CODING); /* which the networks' part is told as */
    }
    lic_arena_rewind(c->arena, mark);
}

static void encode_tile(lic_session *session, nn *c, lic_encoding *e, int column, int row)
{
    const network *net = &session->model->net;
    const size_t mark = lic_arena_mark(c->arena);
    double start = lic_session_stage(session, c, LIC_STAGE_ANALYSIS);
    const lic_area tile = lic_grid_tile(&e->grid, column, row);
    const tensor y = analyse(session, c, e, tile, lic_grid_region(&e->grid, column, row));
    c->open = lic_grid_open(&e->grid, tile);
    const tensor z = lic_h_a(c, net, &e->rate, y);
    lic_session_stage_end(session, start);
    start = lic_session_stage(session, c, LIC_STAGE_CODING);
    latent_io io = {.model = session->model, .enc = &e->coder};
    lic_range_encoder_init(&e->coder, grow, (void *)(uintptr_t)e->tiles.bytes.allocator);
    const tensor y_hat = lic_latent_code(c, &io, &e->rate, y, z, y.h, y.w);
    if (!lic_nn_idle(c))
        end_tile(e, y_hat);
    c->open = 0;
    lic_session_stage_end(session, start);
    lic_arena_rewind(c->arena, mark);
}

/* Rows of the picture that the band holds if rows come from a source: a row of tiles with its
 * halo. */
static size_t band_rows(const lic_encoding *e)
{
    const size_t most = (size_t)e->grid.tile_h + 2 * LIC_UNIT;
    return most < e->from.image.height ? most : e->from.image.height;
}

/* Moves the band so that it holds the rows of a region, reading those that are new. */
static void move_band(lic_session *session, nn *c, lic_encoding *e, int first_row, int end)
{
    lic_image *image = &e->from.image;
    const int keep = e->rows_read - first_row;
    uint8_t *data = image->data;
    if (keep > 0 && e->from.first_row != first_row)
        memmove(data, data + (size_t)(first_row - e->from.first_row) * image->stride_bytes,
                (size_t)keep * image->stride_bytes);
    e->from.first_row = first_row;
    lic_session_call_begin(session);
    if (e->options->source(e->options->source_user, (uint32_t)e->rows_read,
                           (uint32_t)(end - e->rows_read),
                           data + (size_t)keep * image->stride_bytes, image->stride_bytes))
        c->cancelled = true;
    lic_session_call_end(session);
}

static void pack_alpha(lic_encoding *e, int end)
{
    const lic_image *image = &e->from.image;
    const uint8_t *row = image->data;
    row += (size_t)(e->rows_read - e->from.first_row) * image->stride_bytes;
    for (int y = e->rows_read; y < end && !e->status; y++, row += image->stride_bytes)
        if (!lic_plane_pack_row(e->alpha, row, image->channels))
            e->status = LIC_ERR_MEMORY;
}

/* Reads the rows that this region is the first to need. */
static void fetch_rows(lic_session *session, nn *c, lic_encoding *e, lic_area region)
{
    const int height = (int)e->from.image.height, end = region.y1 < height ? region.y1 : height;
    if (lic_nn_idle(c) || e->rows_read >= end)
        return;
    if (e->by_rows)
        move_band(session, c, e, region.y0, end);
    if (e->alpha && !c->cancelled)
        pack_alpha(e, end);
    e->rows_read = end;
}

/* Encodes one tile. Planning visits only tiles that may differ, and counts the work of all that are
 * alike. */
static void plan_or_encode_tile(lic_session *session, nn *c, lic_encoding *e, int column, int row)
{
    const lic_grid *g = &e->grid;
    const uint64_t before = c->macs, alike = lic_tiles_alike(column, 0, g->columns - 1) *
                                             lic_tiles_alike(row, 0, g->rows - 1);
    if (c->arena->planning && !alike)
        return;
    encode_tile(session, c, e, column, row);
    if (c->arena->planning)
        c->macs += (alike - 1) * (c->macs - before);
}

/* A row of tiles without the networks. */
static void encode_lossless_row(lic_session *session, nn *c, lic_encoding *e,
                                lic_lossless_slots *slots, int row)
{
    const int columns = e->grid.columns;
    for (int first = 0; first < columns && !e->status && !c->cancelled; first += slots->n_items) {
        const int n = lic_smaller(slots->n_items, columns - first);
        const double start = lic_session_stage(session, c, LIC_STAGE_CODING);
        lic_lossless_encode_tiles(slots, c, &e->grid, &e->from, row, first, n);
        for (int i = 0; i < n && !e->status; i++)
            append_exact(e, &e->tiles, &slots->items[i]);
        lic_session_stage_end(session, start);
        session->done += n - lic_stage_share(LIC_STAGE_CODING);
        lic_nn_report(c, 0.0);
    }
}

void lic_encoding_lossless(lic_session *session, nn *c, void *user)
{
    lic_encoding *e = user;
    const lic_image *image = &e->from.image;
    lic_lossless_slots slots;
    if (lic_encoding_has_alpha(e) && c->arena->planning)
        session->result_bytes = lic_plane_memory(image->width, image->height, image->depth);
    lic_lossless_slots_take(&slots, session->threads, c, &e->grid, image->channels < 3 ? 1 : 3,
                            image->depth, false);
    if (e->by_rows)
        e->from.image.data =
            lic_arena_take(c->arena, (size_t)e->grid.tile_h, e->from.image.stride_bytes);
    slots.near = e->options ? e->options->near : 0;
    session->work = (double)e->grid.columns * e->grid.rows;
    for (int row = 0; row < e->grid.rows && !lic_nn_idle(c); row++) {
        fetch_rows(session, c, e, lic_grid_tile(&e->grid, 0, row));
        if (!c->cancelled && !e->status)
            encode_lossless_row(session, c, e, &slots, row);
    }
}

void lic_encoding_forward(lic_session *session, nn *c, void *user)
{
    lic_encoding *e = user;
    const lic_image *image = &e->from.image;
    lic_rate_state(c, &session->model->net, lic_level(session->model, e->quality_code), &e->rate);
    if (lic_encoding_has_alpha(e) && c->arena->planning)
        session->result_bytes = lic_plane_memory(image->width, image->height, image->depth);
    if (e->by_rows)
        e->from.image.data = lic_arena_take(c->arena, band_rows(e), e->from.image.stride_bytes);
    if (e->chooses)
        lic_exact_take(&e->blocks, c, image->width, image->height);
    session->work = (double)e->grid.columns * e->grid.rows;
    for (int row = 0; row < e->grid.rows; row++) {
        fetch_rows(session, c, e, lic_grid_region(&e->grid, 0, row));
        if (e->chooses && !c->cancelled && !e->status)
            decide_row(session, c, e, row);
        for (int column = 0; column < e->grid.columns && !e->status && !c->cancelled; column++)
            plan_or_encode_tile(session, c, e, column, row);
    }
}
