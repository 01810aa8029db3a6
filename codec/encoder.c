/* encoder.c - lic_session_encode: picture -> tiles -> g_a, h_a -> latents -> container. A picture
 * of one tile is a grid of one, so there is only one path. */
#include "codec/alpha.h"
#include "codec/base/bytes.h"
#include "codec/base/cpu.h"
#include "codec/base/status.h"
#include "codec/container.h"
#include "codec/drawn.h"
#include "codec/exact.h"
#include "codec/latent.h"
#include "codec/lossless_tiles.h"
#include "codec/metadata.h"
#include "codec/options.h"
#include "codec/pixels.h"
#include "codec/session.h"
#include "codec/tile_list.h"

#include <string.h>

/* A drawn picture is kept exactly if that takes up to half as many bytes again as with loss. On
 * screens the error, times the Lagrange multiplier of the quality, costs at least half of what the
 * bits do (0.4 to 0.6 of them at quality 50 and 75, much more where there is fine structure).
 * `blocks` are bytes that go without loss anyway. */
static bool is_exact_cheaper(size_t exact, size_t lossy, size_t blocks)
{
    return 2 * exact <= 3 * lossy + 2 * blocks;
}

/* One call of the encoder. */
struct encoding {
    lic_band from;
    bool by_rows;                /* from a source; else the whole picture is in memory */
    lic_encode_options *options; /* NULL when only a plan is made */
    int rows_read;               /* of the picture, by source; or of alpha in memory */
    lic_plane_packer *alpha;     /* NULL: the picture has none */
    uint32_t quality_code;
    bool lossless;
    lic_grid grid;
    int tile_w, tile_h; /* 0, 0: one tile */
    rate_state rate;
    lic_range_encoder coder; /* of the current tile */
    lic_tile_list tiles;     /* if they are listed: all so far */
    bool chooses;            /* whether to keep exactly what is drawn: */
    bool drawn;              /* all tiles so far look drawn: */
    lic_tile_list exact;     /* then the same tiles without loss */
    lic_exact blocks;        /* that are kept exactly in a picture with loss */
    uint32_t check;
    lic_status status;
};

static bool has_alpha(const lic_image *image)
{
    return image->channels % 2 == 0 && image->channels > 0;
}

static void *grow(void *user, void *old, size_t old_bytes, size_t new_bytes)
{
    void *data = lic_alloc(user, new_bytes);
    if (data && old) {
        memcpy(data, old, old_bytes);
        lic_dealloc(user, old);
    }
    return data;
}

static void drop_code(struct encoding *e)
{
    if (e->coder.data)
        lic_dealloc(e->tiles.bytes.allocator, e->coder.data);
    e->coder.data = NULL;
}

static void append_exact(struct encoding *e, lic_tile_list *list, const lic_lossless_slot *slot)
{
    const size_t bytes = slot->encoder.bytes;
    if (!slot->whole || !(e->tile_w ? lic_tile_list_append
                                    : lic_tile_list_only)(list, slot->code, bytes, slot->check))
        e->status = LIC_ERR_MEMORY;
}

/* Ends the code of a tile. */
static void end_tile(struct encoding *e, tensor y_hat)
{
    const uint32_t check = lic_latent_check(y_hat);
    if (!lic_range_finish(&e->coder)) {
        e->status = LIC_ERR_MEMORY;
    } else if (!e->tile_w) {
        e->check = check;
    } else {
        if (!lic_tile_list_append(&e->tiles, e->coder.data, e->coder.bytes, check))
            e->status = LIC_ERR_MEMORY;
        drop_code(e);
    }
}

/* y of the tile alone, cut from what g_a makes of its region. */
static tensor analyse(lic_session *session, nn *c, struct encoding *e, lic_area tile,
                      lic_area region)
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
static void decide_tile(nn *c, struct encoding *e, lic_lossless_slots *one, lic_exact_work *work,
                        int column, int row)
{
    const lic_image *image = &e->from.image;
    e->drawn = e->drawn && lic_looks_drawn(&e->from, lic_grid_visible(&e->grid, column, row,
                                                                      image->width, image->height));
    if (e->drawn) {
        lic_lossless_encode_tiles(one, c, &e->grid, &e->from, row, column, 1);
        append_exact(e, &e->exact, &one->slots[0]);
    }
    const lic_exact_tile tile = {c, &e->grid, &e->from, column, row, e->quality_code, one, work};
    if (!lic_exact_encode(&e->blocks, &tile))
        e->status = LIC_ERR_MEMORY;
}

/* Decides for a row of tiles what is kept exactly, before a network sees any of it. */
static void decide_row(lic_session *session, nn *c, struct encoding *e, int row)
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

static void encode_tile(lic_session *session, nn *c, struct encoding *e, int column, int row)
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
static size_t band_rows(const struct encoding *e)
{
    const size_t most = (size_t)e->grid.tile_h + 2 * LIC_UNIT;
    return most < e->from.image.height ? most : e->from.image.height;
}

/* Moves the band so that it holds the rows of a region, reading those that are new. */
static void move_band(lic_session *session, nn *c, struct encoding *e, int first_row, int end)
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

static void pack_alpha(struct encoding *e, int end)
{
    const lic_image *image = &e->from.image;
    const uint8_t *row = image->data;
    row += (size_t)(e->rows_read - e->from.first_row) * image->stride_bytes;
    for (int y = e->rows_read; y < end && !e->status; y++, row += image->stride_bytes)
        if (!lic_plane_pack_row(e->alpha, row, image->channels))
            e->status = LIC_ERR_MEMORY;
}

/* Reads the rows that this region is the first to need. */
static void fetch_rows(lic_session *session, nn *c, struct encoding *e, lic_area region)
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
static void plan_or_encode_tile(lic_session *session, nn *c, struct encoding *e, int column,
                                int row)
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
static void encode_lossless_row(lic_session *session, nn *c, struct encoding *e,
                                lic_lossless_slots *slots, int row)
{
    const int columns = e->grid.columns;
    for (int first = 0; first < columns && !e->status && !c->cancelled; first += slots->n) {
        const int n = lic_smaller(slots->n, columns - first);
        const double start = lic_session_stage(session, c, LIC_STAGE_CODING);
        lic_lossless_encode_tiles(slots, c, &e->grid, &e->from, row, first, n);
        for (int i = 0; i < n && !e->status; i++)
            append_exact(e, &e->tiles, &slots->slots[i]);
        lic_session_stage_end(session, start);
        session->done += n - lic_stage_share(LIC_STAGE_CODING);
        lic_nn_report(c, 0.0);
    }
}

static void encode_lossless(lic_session *session, nn *c, void *user)
{
    struct encoding *e = user;
    const lic_image *image = &e->from.image;
    lic_lossless_slots slots;
    if (has_alpha(image) && c->arena->planning)
        session->result_bytes = lic_plane_memory(image->width, image->height, image->depth);
    lic_lossless_slots_take(&slots, session->threads, c, &e->grid, image->channels < 3 ? 1 : 3,
                            image->depth, false);
    if (e->by_rows)
        e->from.image.data =
            lic_arena_take(c->arena, (size_t)e->grid.tile_h, e->from.image.stride_bytes);
    session->work = (double)e->grid.columns * e->grid.rows;
    for (int row = 0; row < e->grid.rows && !lic_nn_idle(c); row++) {
        fetch_rows(session, c, e, lic_grid_tile(&e->grid, 0, row));
        if (!c->cancelled && !e->status)
            encode_lossless_row(session, c, e, &slots, row);
    }
}

static void encode_forward(lic_session *session, nn *c, void *user)
{
    struct encoding *e = user;
    const lic_image *image = &e->from.image;
    lic_rate_state(c, &session->model->net, lic_level(session->model, e->quality_code), &e->rate);
    if (has_alpha(image) && c->arena->planning)
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

/* Lists all that travels with the picture: the caller's chunks, metadata, alpha. */
static lic_status list_chunks(struct encoding *e, lic_chunk *chunks, lic_container *file,
                              lic_buffer *exif, lic_error *err)
{
    const lic_encode_options *o = e->options;
    size_t n = o->n_chunks;
    if ((n > 0 && !o->chunks) || n > LIC_MAX_CHUNKS)
        return lic_fail(err, LIC_ERR_ARGUMENT, "%zu chunks of metadata, the format takes %d", n,
                        LIC_MAX_CHUNKS);
    if (n > 0)
        memcpy(chunks, o->chunks, n * sizeof *chunks);
    if (lic_chunk_find(chunks, n, LIC_EXACT_TYPE))
        return lic_fail(err, LIC_ERR_ARGUMENT,
                        "chunks of the type '" LIC_EXACT_TYPE "' are made by the encoder");
    if (o->metadata) {
        const lic_status status =
            lic_metadata_chunks(o->metadata, e->tiles.bytes.allocator, exif, chunks, &n, err);
        if (status)
            return status;
    }
    if (e->alpha) {
        lic_plane_pack_end(e->alpha, &chunks[n]);
        n += chunks[n].data != NULL;
    }
    if (e->blocks.any && !e->lossless) {
        chunks[n] = (lic_chunk){.data = e->blocks.list.bytes.data,
                                .bytes = e->blocks.list.bytes.bytes,
                                .packed = 1,
                                .unpacked_bytes = lic_exact_blocks(file)};
        memcpy(chunks[n++].type, LIC_EXACT_TYPE, sizeof chunks[n].type);
    }
    file->chunks = chunks;
    file->n_chunks = n;
    return LIC_OK;
}

static lic_status write_file(lic_session *session, struct encoding *e, lic_buffer *out,
                             lic_error *err)
{
    if (e->status)
        return lic_fail(err, e->status, "not enough memory for the stream");
    const size_t lossy = e->tile_w ? e->tiles.bytes.bytes : e->coder.bytes;
    if (e->drawn && is_exact_cheaper(e->exact.bytes.bytes, lossy,
                                     e->blocks.any ? e->blocks.list.bytes.bytes : 0)) {
        lic_buffer_free(&e->tiles.bytes);
        e->tiles = e->exact;
        e->exact = (lic_tile_list){0};
        e->lossless = true;
    }
    lic_chunk chunks[LIC_MAX_CHUNKS + LIC_METADATA_CHUNKS + 2];
    lic_buffer exif = {0};
    const bool listed = e->tile_w || e->lossless;
    lic_container file = {.version = e->lossless ? LIC_VERSION_LOSSLESS : 1,
                          .width = e->from.image.width,
                          .height = e->from.image.height,
                          .channels = e->from.image.channels < 3 ? 1 : 3,
                          .depth = e->from.image.depth,
                          .tile_w = (uint32_t)e->tile_w,
                          .tile_h = (uint32_t)e->tile_h,
                          .quality_code = e->lossless ? LIC_QUALITY_CODES : e->quality_code,
                          .model_id = e->lossless ? 0 : lic_model_id(session->model),
                          .check_latents = listed ? e->tiles.check : e->check,
                          .latents = listed ? e->tiles.bytes.data : e->coder.data,
                          .latent_bytes = listed ? e->tiles.bytes.bytes : e->coder.bytes};
    session->stats.check_latents = file.check_latents;
    session->stats.latent_bytes = file.latent_bytes;
    lic_status status = list_chunks(e, chunks, &file, &exif, err);
    if (!status)
        status = lic_container_write(&file, session->options.allocator, out, err);
    lic_buffer_free(&exif);
    return status;
}

static void set_grid(struct encoding *e, uint32_t width, uint32_t height, uint32_t side)
{
    const uint32_t most = !side && e->lossless ? LIC_LOSSLESS_SIDE : side;
    lic_grid_choose(width, height, most, &e->tile_w, &e->tile_h);
    lic_grid_init(&e->grid, width, height, e->tile_w, e->tile_h);
}

/* Called before anything that can fail, so that a caller may free *out whether or not the call
 * succeeded. */
static void empty(lic_buffer *out)
{
    if (out)
        memset(out, 0, sizeof *out);
}

static lic_status check_options(const lic_encode_options *options, lic_error *err)
{
    if (!(options->quality >= 0.0 && options->quality <= 100.0))
        return lic_fail(err, LIC_ERR_ARGUMENT, "quality is 0 to 100");
    if (!lic_tile_side_is_valid(options->tile_side))
        return lic_fail(err, LIC_ERR_ARGUMENT, "the side of a tile is a multiple of %d up to %d",
                        LIC_UNIT, LIC_MAX_TILE);
    return LIC_OK;
}

/* The caller's picture, or the shape of what comes from a source. */
static lic_status take_image(struct encoding *e, const lic_image *image, lic_error *err)
{
    lic_image *own = &e->from.image;
    lic_status status = lic_struct_take(image, sizeof *image, own, sizeof *own, err);
    if (status)
        return status;
    if (e->by_rows) {
        own->data = NULL;
        own->stride_bytes = (size_t)own->width * own->channels * (own->depth / 8);
    }
    status = lic_image_check(own, e->by_rows, err);
    if (!status && has_alpha(own) &&
        lic_plane_bytes(own->width, own->height, own->depth) > UINT32_MAX)
        return lic_fail(err, LIC_ERR_LIMIT, "the picture has more alpha than a file can keep");
    return status;
}

/* Encodes what has been admitted. *out is empty. The caller's options are read again after the last
 * row, because only then is all metadata there. */
static lic_status encode(lic_session *session, struct encoding *e,
                         const lic_encode_options *options, lic_buffer *out, lic_error *err)
{
    const lic_image *image = &e->from.image;
    const uint64_t saved = lic_fp_enter(); /* the caller may use another rounding mode */
    e->quality_code = (uint32_t)(e->options->quality * (LIC_QUALITY_CODES / 100.0) + 0.5);
    lic_fp_leave(saved);
    e->tiles.bytes.allocator = e->exact.bytes.allocator = session->options.allocator;
    e->blocks.list.bytes.allocator = session->options.allocator;
    e->chooses = e->drawn = e->options->lossless == LIC_LOSSLESS_AUTO;
    set_grid(e, image->width, image->height, e->options->tile_side);
    if (has_alpha(image)) {
        e->alpha = lic_plane_packer_new(image->width, image->height, image->depth,
                                        session->options.allocator);
        if (!e->alpha)
            return lic_fail(err, LIC_ERR_MEMORY, "not enough memory for the transparency");
    }
    lic_status status = lic_session_run(session, e->lossless ? encode_lossless : encode_forward, e,
                                        image->width, image->height, err);
    if (!status)
        status = lic_encode_options_take(options, e->options, err);
    if (!status)
        status = write_file(session, e, out, err);
    lic_plane_packer_free(e->alpha);
    drop_code(e);
    lic_buffer_free(&e->tiles.bytes);
    lic_buffer_free(&e->exact.bytes);
    lic_buffer_free(&e->blocks.list.bytes);
    return status;
}

lic_status lic_session_encode(lic_session *session, const lic_image *image,
                              const lic_encode_options *options, lic_buffer *out, lic_error *err)
{
    lic_encode_options own;
    empty(out);
    if (!session || !image || !out)
        return lic_fail(err, LIC_ERR_ARGUMENT, "lic_session_encode: bad argument");
    lic_status status = lic_encode_options_take(options, &own, err);
    if (!status)
        status = check_options(&own, err);
    struct encoding e = {.by_rows = own.source != NULL,
                         .options = &own,
                         .lossless = own.lossless == LIC_LOSSLESS_YES};
    if (!status && own.lossless != LIC_LOSSLESS_YES && !session->model)
        status = lic_fail(err, LIC_ERR_ARGUMENT, "no model given: without one only lossless");
    if (!status)
        status = take_image(&e, image, err);
    if (!status)
        status = lic_session_admit(session, e.from.image.width, e.from.image.height, err);
    return status ? status : encode(session, &e, options, out, err);
}

lic_status lic_encode(const lic_model *model, const lic_image *image, const lic_options *options,
                      const lic_encode_options *encode, lic_buffer *out, lic_error *err)
{
    lic_session *session;
    empty(out);
    lic_status status = lic_session_new(model, options, &session, err);
    if (!status)
        status = lic_session_encode(session, image, encode, out, err);
    lic_session_free(session);
    return status;
}

uint64_t lic_plan_encoder(const lic_model *model, uint32_t width, uint32_t height,
                          uint32_t tile_side, size_t row_bytes, int threads)
{
    struct encoding e = {.from.image = {.width = width,
                                        .height = height,
                                        .stride_bytes = row_bytes,
                                        .channels = 3,
                                        .depth = 16},
                         .by_rows = row_bytes != 0,
                         .lossless = !model};
    set_grid(&e, width, height, tile_side);
    return lic_session_plan(model, model ? encode_forward : encode_lossless, &e, threads);
}
