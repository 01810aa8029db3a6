/* decoder.c - lic_decoder: container -> tiles -> latents -> g_s -> picture. The latents of a row of
 * tiles are decoded before the row above it is synthesised, which sees a halo of them. Nothing is
 * allocated for the picture before the head has passed its checks and the limits. */
#include "codec/base/bytes.h"
#include "codec/base/status.h"
#include "codec/container.h"
#include "codec/context.h"
#include "codec/latent.h"
#include "codec/pixels.h"

#include <string.h>

enum { LIC_MIN_TILE_BYTES = 5 }; /* its length and its check */

struct lic_decoder {
    lic_context context;
};

void lic_decode_options_init(lic_decode_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_bytes = sizeof *options;
}

lic_status lic_decoder_new(const lic_model *model, const lic_options *options, lic_decoder **out,
                           lic_error *err)
{
    if (!out)
        return lic_fail(err, LIC_ERR_ARGUMENT, "lic_decoder_new: bad argument");
    *out = NULL;
    const lic_allocator *allocator = options ? options->allocator : NULL;
    lic_decoder *decoder = lic_alloc(allocator, sizeof *decoder);
    if (!decoder)
        return lic_fail(err, LIC_ERR_MEMORY, "not enough memory for a decoder");
    const lic_status status = lic_context_init(&decoder->context, model, options, err);
    if (status) {
        decoder->context.options.allocator = allocator;
        lic_decoder_free(decoder);
        return status;
    }
    *out = decoder;
    return LIC_OK;
}

void lic_decoder_free(lic_decoder *decoder)
{
    if (!decoder)
        return;
    const lic_allocator *allocator = decoder->context.options.allocator;
    lic_context_release(&decoder->context);
    lic_dealloc(allocator, decoder);
}

/* One call of the decoder. */
struct decoding {
    lic_container file;
    lic_grid grid;
    lic_area crop;    /* of the picture, what is wanted */
    lic_band to;      /* its rows in memory: all of them, or those of one row of tiles */
    lic_rows_fn sink; /* NULL: the whole picture is in memory */
    void *sink_user;
    const lic_allocator *allocator;
    rate_state rate;
    tensor y_hat[3];       /* rows of tiles: row r is in [r % 3] */
    const uint8_t **tiles; /* [tiles + 1]: where each begins */
    lic_status status;     /* of the latents, found out in the middle of the forward pass */
};

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

static int larger(int a, int b)
{
    return a > b ? a : b;
}

/* Where the tiles begin. False unless they fill the latents exactly and their checks give the
 * head's. */
static bool find_tiles(struct decoding *d)
{
    const size_t n = (size_t)d->grid.columns * (size_t)d->grid.rows;
    lic_reader r = {.at = d->file.latents, .end = d->file.latents + d->file.latent_bytes};
    uint32_t check = 0;
    for (size_t i = 0; i < n; i++) {
        d->tiles[i] = r.at;
        const uint32_t bytes = lic_read_varint(&r);
        const uint8_t *word = r.at;
        lic_read_u32(&r);
        if (r.failed || (size_t)(r.end - r.at) < bytes)
            return false;
        check = lic_crc32(check, word, 4);
        r.at += bytes;
    }
    d->tiles[n] = r.at;
    return r.at == r.end && check == d->file.check_latents;
}

/* The code of a tile and the check of its latents. */
static lic_reader tile_code(const struct decoding *d, int column, int row, uint32_t *check)
{
    if (!d->tiles) {
        *check = d->file.check_latents;
        return (lic_reader){.at = d->file.latents, .end = d->file.latents + d->file.latent_bytes};
    }
    const size_t i = (size_t)row * (size_t)d->grid.columns + (size_t)column;
    lic_reader r = {.at = d->tiles[i], .end = d->tiles[i + 1]};
    lic_read_varint(&r);
    *check = lic_read_u32(&r);
    return r;
}

/* y_hat of one tile, checked, into its place in the row of tiles. */
static void decode_latents(lic_context *context, nn *c, struct decoding *d, int column, int row)
{
    const lic_area tile = lic_grid_tile(&d->grid, column, row);
    const size_t mark = lic_arena_mark(c->arena);
    const tensor none = {0}, to = d->y_hat[row % 3];
    const double start = lic_context_stage(context, c, LIC_STAGE_CODING);
    uint32_t check = 0;
    lic_range_decoder coder = {0};
    if (!lic_nn_idle(c)) {
        const lic_reader code = tile_code(d, column, row, &check);
        lic_range_decoder_init(&coder, code.at, (size_t)(code.end - code.at));
    }
    latent_io io = {.model = context->model, .dec = &coder};
    c->open = lic_grid_open(&d->grid, tile);
    const tensor y_hat = lic_latent_code(c, &io, &d->rate, none, none, (tile.y1 - tile.y0) / 16,
                                         (tile.x1 - tile.x0) / 16);
    if (!lic_nn_idle(c)) {
        if (!lic_range_decoder_ok(&coder))
            d->status = LIC_ERR_CORRUPT;
        else if (lic_latent_check(y_hat) != check)
            d->status = LIC_ERR_MISMATCH;
        for (int y = 0; y < y_hat.h; y++)
            memcpy(lic_nn_at(to, y, tile.x0 / 16), lic_nn_at(y_hat, y, 0),
                   (size_t)y_hat.w * to.pitch * sizeof *to.data);
    }
    c->open = 0;
    lic_context_stage_end(context, start);
    lic_arena_rewind(c->arena, mark);
}

/* The latents of a region, from up to three rows of tiles. */
static tensor region_latents(nn *c, const struct decoding *d, lic_area region, int m)
{
    tensor y = lic_nn_new(c, (region.y1 - region.y0) / 16, (region.x1 - region.x0) / 16, m);
    for (int row = 0; row < y.h && !lic_nn_idle(c); row++) {
        const int at = region.y0 + 16 * row, tile_row = at / d->grid.tile_h;
        const tensor from = d->y_hat[tile_row % 3];
        memcpy(lic_nn_at(y, row, 0),
               lic_nn_at(from, (at - tile_row * d->grid.tile_h) / 16, region.x0 / 16),
               (size_t)y.w * y.pitch * sizeof *y.data);
    }
    return y;
}

static lic_area intersect(lic_area a, lic_area b)
{
    return (lic_area){larger(a.x0, b.x0), larger(a.y0, b.y0), smaller(a.x1, b.x1),
                      smaller(a.y1, b.y1)};
}

/* The pixels of one tile. */
static void synthesise(lic_context *context, nn *c, struct decoding *d, int column, int row)
{
    const network *net = &context->model->net;
    const lic_area region = lic_grid_region(&d->grid, column, row);
    const size_t mark = lic_arena_mark(c->arena);
    const double start = lic_context_stage(context, c, LIC_STAGE_SYNTHESIS);
    const tensor y = region_latents(c, d, region, net->m), t = lic_g_s(c, net, &d->rate, y);
    lic_pixels_store(c, t, region.x0, region.y0,
                     intersect(lic_grid_tile(&d->grid, column, row), d->crop), &d->to, d->crop.x0);
    lic_context_stage_end(context, start);
    lic_arena_rewind(c->arena, mark);
}

/* Runs one step over the columns of a row of tiles; planning looks only at those that may differ.
 */
static void for_columns(lic_context *context, nn *c, struct decoding *d, int row, int first,
                        int last, void (*step)(lic_context *, nn *, struct decoding *, int, int))
{
    for (int column = first; column <= last && !d->status; column++)
        if (!c->arena->planning || lic_tile_is_sample(column, first, last))
            step(context, c, d, column, row);
}

/* Hands the rows of a finished row of tiles to the sink. */
static void deliver(nn *c, struct decoding *d, int row)
{
    const lic_area rows = intersect(lic_grid_tile(&d->grid, 0, row),
                                    (lic_area){0, d->crop.y0, INT32_MAX, d->crop.y1});
    if (!d->sink || lic_nn_idle(c) || d->status)
        return;
    if (d->sink(d->sink_user, (uint32_t)(rows.y0 - d->crop.y0), (uint32_t)(rows.y1 - rows.y0),
                d->to.image.data, d->to.image.stride_bytes))
        c->cancelled = true;
}

/* Memory for the pixels: the plan has shown that the rest fits. */
static void take_output(nn *c, struct decoding *d)
{
    lic_image *image = &d->to.image;
    if (d->sink) {
        const int rows = smaller(d->grid.tile_h, d->crop.y1 - d->crop.y0);
        image->data = lic_arena_take(c->arena, (size_t)rows, image->stride_bytes);
    } else if (!lic_nn_idle(c)) {
        size_t bytes;
        if (lic_mul_size(image->stride_bytes, (size_t)(d->crop.y1 - d->crop.y0), &bytes))
            image->data = lic_alloc(d->allocator, bytes);
        if (!image->data)
            d->status = LIC_ERR_MEMORY;
    }
}

static void decode_forward(lic_context *context, nn *c, void *user)
{
    struct decoding *d = user;
    const lic_grid *g = &d->grid;
    const int top = d->crop.y0 / g->tile_h, bottom = (d->crop.y1 - 1) / g->tile_h;
    const int left = d->crop.x0 / g->tile_w, right = (d->crop.x1 - 1) / g->tile_w;
    const int first = larger(left - 1, 0), last = smaller(right + 1, g->columns - 1);
    context->n_tiles = (size_t)(right - left + 1) * (size_t)(bottom - top + 1);
    lic_rate_state(c, &context->model->net, lic_level(context->model, d->file.quality_code),
                   &d->rate);
    if (d->file.tile_w)
        d->tiles =
            lic_arena_take(c->arena, (size_t)g->columns * (size_t)g->rows + 1, sizeof *d->tiles);
    if (d->file.tile_w && !lic_nn_idle(c) && !find_tiles(d))
        d->status = LIC_ERR_CORRUPT;
    take_output(c, d);
    for (int i = 0; i < smaller(3, g->rows); i++)
        d->y_hat[i] = lic_nn_new(c, g->tile_h / 16, g->width / 16, context->model->net.m);
    for (int row = larger(top - 1, 0); row <= smaller(bottom + 1, g->rows - 1) && !d->status;
         row++) {
        for_columns(context, c, d, row, first, last, decode_latents);
        if (row > top) {
            d->to.first_row = d->sink ? larger((row - 1) * g->tile_h, d->crop.y0) : d->crop.y0;
            for_columns(context, c, d, row - 1, left, right, synthesise);
            deliver(c, d, row - 1);
        }
    }
    if (bottom == g->rows - 1) {
        d->to.first_row = d->sink ? larger(bottom * g->tile_h, d->crop.y0) : d->crop.y0;
        for_columns(context, c, d, bottom, left, right, synthesise);
        deliver(c, d, bottom);
    }
}

static lic_status explain(lic_status status, lic_error *err)
{
    if (status == LIC_ERR_CORRUPT)
        return lic_fail(err, status, "the coded latents are damaged");
    if (status == LIC_ERR_MISMATCH)
        return lic_fail(err, status, "the latents decoded here are not those that were encoded");
    if (status == LIC_ERR_MEMORY)
        return lic_fail(err, status, "not enough memory for the picture");
    return status;
}

/* The rectangle asked for, or the whole picture; false if it is not inside. */
static bool set_crop(struct decoding *d, const lic_decode_options *o)
{
    const uint32_t width = d->file.width, height = d->file.height;
    d->crop = (lic_area){0, 0, (int)width, (int)height};
    if (!o->crop_x && !o->crop_y && !o->crop_width && !o->crop_height)
        return true;
    if (!o->crop_width || !o->crop_height || o->crop_x >= width || o->crop_y >= height ||
        o->crop_width > width - o->crop_x || o->crop_height > height - o->crop_y)
        return false;
    d->crop = (lic_area){(int)o->crop_x, (int)o->crop_y, (int)(o->crop_x + o->crop_width),
                         (int)(o->crop_y + o->crop_height)};
    return true;
}

/* Everything that can be refused before memory is taken. */
static lic_status admit(const lic_context *context, struct decoding *d,
                        const lic_decode_options *options, lic_error *err)
{
    const lic_container *file = &d->file;
    const uint32_t id = lic_model_id(context->model);
    if (options->struct_bytes != sizeof *options ||
        (options->depth != 0 && options->depth != 8 && options->depth != 16))
        return lic_fail(err, LIC_ERR_ARGUMENT, "depth is 8 or 16, or 0 for the stream's");
    if (file->model_id != id)
        return lic_fail(err, LIC_ERR_MODEL_WRONG,
                        "the file needs the model %08x, this is %08x (%s)",
                        (unsigned)file->model_id, (unsigned)id, context->model->info.name);
    if (!set_crop(d, options))
        return lic_fail(err, LIC_ERR_ARGUMENT,
                        "the rectangle is not inside the picture of %u x %u pixels",
                        (unsigned)file->width, (unsigned)file->height);
    if (!lic_grid_init(&d->grid, file->width, file->height, (int)file->tile_w, (int)file->tile_h) ||
        (file->tile_w && d->grid.columns == 1 && d->grid.rows == 1) ||
        (file->tile_w &&
         (size_t)d->grid.columns * (size_t)d->grid.rows > file->latent_bytes / LIC_MIN_TILE_BYTES))
        return lic_fail(err, LIC_ERR_CORRUPT,
                        "the file is damaged: its tiles do not fit the picture");
    return lic_context_admit(context, file->width, file->height, err);
}

static void set_output(struct decoding *d, uint32_t depth)
{
    lic_image *image = &d->to.image;
    *image = (lic_image){.width = (uint32_t)(d->crop.x1 - d->crop.x0),
                         .height = (uint32_t)(d->crop.y1 - d->crop.y0),
                         .channels = d->file.channels,
                         .depth = depth ? depth : d->file.depth};
    image->stride_bytes = (size_t)image->width * image->channels * (image->depth / 8);
}

/* Common to pictures in memory and pictures for a sink. */
static lic_status decode(lic_decoder *decoder, const void *data, size_t bytes,
                         const lic_decode_options *options, struct decoding *d, lic_error *err)
{
    lic_decode_options defaults;
    lic_decode_options_init(&defaults);
    options = options ? options : &defaults;
    lic_context *context = &decoder->context;
    lic_chunk chunks[LIC_MAX_CHUNKS];
    lic_status status = lic_container_read(data, bytes, chunks, &d->file, err);
    if (!status)
        status = admit(context, d, options, err);
    if (status)
        return status;
    d->allocator = context->options.allocator;
    set_output(d, options->depth);
    status = lic_context_run(context, decode_forward, d, d->file.width, d->file.height, err);
    context->stats.check_latents = d->file.check_latents;
    context->stats.latent_bytes = d->file.latent_bytes;
    return status ? status : explain(d->status, err);
}

lic_status lic_decoder_decode_area(lic_decoder *decoder, const void *data, size_t bytes,
                                   const lic_decode_options *options, lic_image *out,
                                   lic_error *err)
{
    if (!decoder || !data || !out)
        return lic_fail(err, LIC_ERR_ARGUMENT, "lic_decoder_decode: bad argument");
    struct decoding d = {0};
    memset(out, 0, sizeof *out);
    const lic_status status = decode(decoder, data, bytes, options, &d, err);
    if (status)
        lic_image_free(&d.to.image, d.allocator);
    *out = d.to.image;
    return status;
}

lic_status lic_decoder_decode_rows(lic_decoder *decoder, const void *data, size_t bytes,
                                   const lic_decode_options *options, lic_rows_fn sink, void *user,
                                   lic_error *err)
{
    if (!decoder || !data || !sink)
        return lic_fail(err, LIC_ERR_ARGUMENT, "lic_decoder_decode_rows: bad argument");
    struct decoding d = {.sink = sink, .sink_user = user};
    return decode(decoder, data, bytes, options, &d, err);
}

lic_status lic_decoder_decode(lic_decoder *decoder, const void *data, size_t bytes, uint32_t depth,
                              lic_image *out, lic_error *err)
{
    lic_decode_options options;
    lic_decode_options_init(&options);
    options.depth = depth;
    return lic_decoder_decode_area(decoder, data, bytes, &options, out, err);
}

void lic_decoder_get_stats(const lic_decoder *decoder, lic_stats *stats)
{
    *stats = decoder->context.stats;
}

lic_status lic_decode(const lic_model *model, const void *data, size_t bytes,
                      const lic_options *options, uint32_t depth, lic_image *out, lic_error *err)
{
    lic_decoder *decoder = NULL;
    lic_status status = lic_decoder_new(model, options, &decoder, err);
    if (!status)
        status = lic_decoder_decode(decoder, data, bytes, depth, out, err);
    else if (out)
        memset(out, 0, sizeof *out);
    lic_decoder_free(decoder);
    return status;
}

uint64_t lic_plan_bytes(const lic_model *model, uint32_t width, uint32_t height, int threads)
{
    if (!model || width < 1 || height < 1 || width > 65535 || height > 65535)
        return 0;
    struct decoding d = {.file = {.width = width, .height = height}};
    int tile_w, tile_h;
    lic_grid_choose(width, height, LIC_TILE_SIDE, &tile_w, &tile_h);
    d.file.tile_w = (uint32_t)tile_w;
    d.file.tile_h = (uint32_t)tile_h;
    d.crop = (lic_area){0, 0, (int)width, (int)height};
    lic_grid_init(&d.grid, width, height, tile_w, tile_h);
    const uint64_t encoder = lic_plan_encoder(model, width, height, threads);
    const uint64_t decoder = lic_context_plan(model, decode_forward, &d, threads);
    return encoder > decoder ? encoder : decoder;
}

void lic_image_free(lic_image *image, const lic_allocator *allocator)
{
    if (image && image->data)
        lic_dealloc(allocator, image->data);
    if (image)
        memset(image, 0, sizeof *image);
}
