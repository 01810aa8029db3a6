/* encoder.c - lic_encoder: picture -> tiles -> g_a, h_a -> latents -> container. A picture of one
 * tile is a grid of one: there is one way through. */
#include "codec/base/bytes.h"
#include "codec/base/cpu.h"
#include "codec/base/status.h"
#include "codec/container.h"
#include "codec/latent.h"
#include "codec/pixels.h"
#include "codec/session.h"

#include <string.h>

struct lic_encoder {
    lic_context context;
};

void lic_encode_options_init(lic_encode_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_bytes = sizeof *options;
    options->quality = 50.0;
}

lic_status lic_encoder_new(const lic_model *model, const lic_options *options, lic_encoder **out,
                           lic_error *err)
{
    if (!out)
        return lic_fail(err, LIC_ERR_ARGUMENT, "lic_encoder_new: bad argument");
    *out = NULL;
    if (lic_context_options_foreign(options, err))
        return LIC_ERR_ARGUMENT;
    const lic_allocator *allocator = options ? options->allocator : NULL;
    lic_encoder *encoder = lic_alloc(allocator, sizeof *encoder);
    if (!encoder)
        return lic_fail(err, LIC_ERR_MEMORY, "not enough memory for an encoder");
    const lic_status status = lic_context_init(&encoder->context, model, options, err);
    if (status) {
        encoder->context.options.allocator = allocator;
        lic_encoder_free(encoder);
        return status;
    }
    *out = encoder;
    return LIC_OK;
}

void lic_encoder_free(lic_encoder *encoder)
{
    if (!encoder)
        return;
    const lic_allocator *allocator = encoder->context.options.allocator;
    lic_context_release(&encoder->context);
    lic_dealloc(allocator, encoder);
}

/* One call of the encoder. */
struct encoding {
    lic_band from;
    bool by_rows;       /* from source; else the whole picture is in memory */
    lic_rows_fn source; /* NULL when only a plan is made */
    void *source_user;
    int rows_read; /* of the picture, by source */
    uint32_t quality_code;
    lic_grid grid;
    int tile_w, tile_h; /* 0, 0: one tile */
    rate_state rate;
    lic_range_encoder coder; /* of the current tile */
    lic_buffer latents;      /* of a picture in tiles: all of them so far */
    size_t capacity;
    uint32_t check;
    lic_status status;
};

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
        lic_dealloc(e->latents.allocator, e->coder.data);
    e->coder.data = NULL;
}

/* Appends [varint bytes][check][code] of a tile. */
static bool append_tile(struct encoding *e, uint32_t check)
{
    size_t need;
    if (e->coder.bytes > UINT32_MAX ||
        !lic_add_size(e->latents.bytes, e->coder.bytes + LIC_VARINT_MAX_BYTES + 4, &need))
        return false;
    if (need > e->capacity) {
        const size_t capacity = need + need / 2;
        uint8_t *data = grow((void *)(uintptr_t)e->latents.allocator, e->latents.data,
                             e->latents.bytes, capacity);
        if (!data)
            return false;
        e->latents.data = data;
        e->capacity = capacity;
    }
    uint8_t *at = lic_write_varint(e->latents.data + e->latents.bytes, (uint32_t)e->coder.bytes);
    at = lic_write_u32(at, check);
    memcpy(at, e->coder.data, e->coder.bytes);
    e->latents.bytes = (size_t)(at - e->latents.data) + e->coder.bytes;
    return true;
}

/* Ends the code of a tile. The check of a picture in tiles is that of its tiles' checks. */
static void end_tile(struct encoding *e, tensor y_hat)
{
    const uint32_t check = lic_latent_check(y_hat);
    uint8_t word[4];
    if (!lic_range_finish(&e->coder)) {
        e->status = LIC_ERR_MEMORY;
    } else if (!e->tile_w) {
        e->check = check;
    } else {
        lic_write_u32(word, check);
        e->check = lic_crc32(e->check, word, sizeof word);
        if (!append_tile(e, check))
            e->status = LIC_ERR_MEMORY;
        drop_code(e);
    }
}

/* y of the tile alone from g_a's view of its region. */
static tensor analyse(lic_context *context, nn *c, struct encoding *e, lic_area tile,
                      lic_area region)
{
    const network *net = &context->model->net;
    const int h = (tile.y1 - tile.y0) / 16, w = (tile.x1 - tile.x0) / 16;
    tensor y = lic_nn_new(c, h, w, net->m);
    const size_t mark = lic_arena_mark(c->arena);
    tensor x = lic_nn_new(c, region.y1 - region.y0, region.x1 - region.x0, 3);
    lic_pixels_load(c, &e->from, region.x0, region.y0, x);
    const tensor seen = lic_g_a(c, net, &e->rate, x);
    for (int row = 0; row < h && !lic_nn_idle(c); row++)
        memcpy(lic_nn_at(y, row, 0),
               lic_nn_at(seen, row + (tile.y0 - region.y0) / 16, (tile.x0 - region.x0) / 16),
               (size_t)w * y.pitch * sizeof *y.data);
    lic_arena_rewind(c->arena, mark);
    return y;
}

static void encode_tile(lic_context *context, nn *c, struct encoding *e, int column, int row)
{
    const network *net = &context->model->net;
    const size_t mark = lic_arena_mark(c->arena);
    double start = lic_context_stage(context, c, LIC_STAGE_ANALYSIS);
    const lic_area tile = lic_grid_tile(&e->grid, column, row);
    const tensor y = analyse(context, c, e, tile, lic_grid_region(&e->grid, column, row));
    c->open = lic_grid_open(&e->grid, tile);
    const tensor z = lic_h_a(c, net, &e->rate, y);
    lic_context_stage_end(context, start);
    start = lic_context_stage(context, c, LIC_STAGE_CODING);
    latent_io io = {.model = context->model, .enc = &e->coder};
    lic_range_encoder_init(&e->coder, grow, (void *)(uintptr_t)e->latents.allocator);
    const tensor y_hat = lic_latent_code(c, &io, &e->rate, y, z, y.h, y.w);
    if (!lic_nn_idle(c))
        end_tile(e, y_hat);
    c->open = 0;
    lic_context_stage_end(context, start);
    lic_arena_rewind(c->arena, mark);
}

/* Rows of the picture that the band holds when rows come from a source: a row of tiles with its
 * halo. */
static size_t band_rows(const struct encoding *e)
{
    const size_t most = (size_t)e->grid.tile_h + 2 * LIC_UNIT;
    return most < e->from.image.height ? most : e->from.image.height;
}

/* Moves the band so that it holds the rows of a region, reading those that are new. */
static void fetch_rows(nn *c, struct encoding *e, lic_area region)
{
    lic_image *image = &e->from.image;
    const int height = (int)image->height, end = region.y1 < height ? region.y1 : height;
    if (!e->by_rows || lic_nn_idle(c) || e->rows_read >= end)
        return;
    const int keep = e->rows_read - region.y0;
    uint8_t *data = image->data;
    if (keep > 0 && e->from.first_row != region.y0)
        memmove(data, data + (size_t)(region.y0 - e->from.first_row) * image->stride_bytes,
                (size_t)keep * image->stride_bytes);
    e->from.first_row = region.y0;
    if (e->source(e->source_user, (uint32_t)e->rows_read, (uint32_t)(end - e->rows_read),
                  data + (size_t)keep * image->stride_bytes, image->stride_bytes))
        c->cancelled = true;
    e->rows_read = end;
}

static bool is_sample(const lic_grid *g, int column, int row)
{
    return lic_tile_is_sample(column, 0, g->columns - 1) && lic_tile_is_sample(row, 0, g->rows - 1);
}

static void encode_forward(lic_context *context, nn *c, void *user)
{
    struct encoding *e = user;
    lic_rate_state(c, &context->model->net, lic_level(context->model, e->quality_code), &e->rate);
    if (e->by_rows)
        e->from.image.data = lic_arena_take(c->arena, band_rows(e), e->from.image.stride_bytes);
    context->work = (double)e->grid.columns * e->grid.rows;
    for (int row = 0; row < e->grid.rows; row++) {
        fetch_rows(c, e, lic_grid_region(&e->grid, 0, row));
        for (int column = 0; column < e->grid.columns && !e->status && !c->cancelled; column++)
            if (!c->arena->planning || is_sample(&e->grid, column, row))
                encode_tile(context, c, e, column, row);
    }
}

static lic_status write_file(lic_context *context, struct encoding *e,
                             const lic_encode_options *options, lic_buffer *out, lic_error *err)
{
    if (e->status)
        return lic_fail(err, e->status, "not enough memory for the stream");
    const lic_container file = {.width = e->from.image.width,
                                .height = e->from.image.height,
                                .channels = e->from.image.channels,
                                .depth = e->from.image.depth,
                                .tile_w = (uint32_t)e->tile_w,
                                .tile_h = (uint32_t)e->tile_h,
                                .quality_code = e->quality_code,
                                .model_id = lic_model_id(context->model),
                                .check_latents = e->check,
                                .chunks = options->chunks,
                                .n_chunks = options->n_chunks,
                                .latents = e->tile_w ? e->latents.data : e->coder.data,
                                .latent_bytes = e->tile_w ? e->latents.bytes : e->coder.bytes};
    context->stats.check_latents = e->check;
    context->stats.latent_bytes = file.latent_bytes;
    return lic_container_write(&file, context->options.allocator, out, err);
}

static void set_grid(struct encoding *e, uint32_t width, uint32_t height, uint32_t side)
{
    lic_grid_choose(width, height, side, &e->tile_w, &e->tile_h);
    lic_grid_init(&e->grid, width, height, e->tile_w, e->tile_h);
}

/* Before anything that can fail, so that a caller may free *out whatever became of the call. */
static void empty(lic_buffer *out)
{
    if (out)
        memset(out, 0, sizeof *out);
}

/* Common to pictures in memory and pictures from a source. *out is empty. */
static lic_status encode(lic_encoder *encoder, struct encoding *e,
                         const lic_encode_options *options, lic_buffer *out, lic_error *err)
{
    lic_encode_options defaults;
    lic_encode_options_init(&defaults);
    options = options ? options : &defaults;
    if (!encoder || !out || options->struct_bytes != sizeof *options)
        return lic_fail(err, LIC_ERR_ARGUMENT, "lic_encoder_encode: bad argument");
    if (!(options->quality >= 0.0 && options->quality <= 100.0))
        return lic_fail(err, LIC_ERR_ARGUMENT, "quality is 0 to 100");
    if (!lic_tile_side_is_valid(options->tile_side))
        return lic_fail(err, LIC_ERR_ARGUMENT, "the side of a tile is a multiple of %d up to %d",
                        LIC_UNIT, LIC_MAX_TILE);
    lic_context *context = &encoder->context;
    const uint32_t width = e->from.image.width, height = e->from.image.height;
    lic_status status = lic_image_check(&e->from.image, e->by_rows, err);
    if (!status)
        status = lic_context_admit(context, width, height, err);
    if (status)
        return status;
    const uint64_t saved = lic_fp_enter(); /* the caller may round another way */
    e->quality_code = (uint32_t)(options->quality * (LIC_QUALITY_CODES / 100.0) + 0.5);
    lic_fp_leave(saved);
    e->latents.allocator = context->options.allocator;
    set_grid(e, width, height, options->tile_side);
    status = lic_context_run(context, encode_forward, e, width, height, err);
    if (!status)
        status = write_file(context, e, options, out, err);
    drop_code(e);
    lic_buffer_free(&e->latents);
    return status;
}

lic_status lic_encoder_encode(lic_encoder *encoder, const lic_image *image,
                              const lic_encode_options *options, lic_buffer *out, lic_error *err)
{
    empty(out);
    if (!image)
        return lic_fail(err, LIC_ERR_ARGUMENT, "no picture given");
    struct encoding e = {.from.image = *image};
    return encode(encoder, &e, options, out, err);
}

lic_status lic_encoder_encode_rows(lic_encoder *encoder, const lic_image *shape, lic_rows_fn source,
                                   void *user, const lic_encode_options *options, lic_buffer *out,
                                   lic_error *err)
{
    empty(out);
    if (!shape || !source)
        return lic_fail(err, LIC_ERR_ARGUMENT, "no picture or no source of rows given");
    struct encoding e = {
        .from.image = *shape, .by_rows = true, .source = source, .source_user = user};
    e.from.image.data = NULL;
    e.from.image.stride_bytes = (size_t)shape->width * shape->channels * (shape->depth / 8);
    return encode(encoder, &e, options, out, err);
}

void lic_encoder_get_stats(const lic_encoder *encoder, lic_stats *stats)
{
    *stats = encoder->context.stats;
}

lic_status lic_encode(const lic_model *model, const lic_image *image, const lic_options *options,
                      const lic_encode_options *encode, lic_buffer *out, lic_error *err)
{
    lic_encoder *encoder;
    empty(out);
    lic_status status = lic_encoder_new(model, options, &encoder, err);
    if (!status)
        status = lic_encoder_encode(encoder, image, encode, out, err);
    lic_encoder_free(encoder);
    return status;
}

uint64_t lic_plan_encoder(const lic_model *model, uint32_t width, uint32_t height,
                          uint32_t tile_side, size_t row_bytes, int threads)
{
    struct encoding e = {.from.image = {.height = height, .stride_bytes = row_bytes},
                         .by_rows = row_bytes != 0};
    set_grid(&e, width, height, tile_side);
    return lic_context_plan(model, encode_forward, &e, threads);
}
