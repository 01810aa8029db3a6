/* decoder.c - lic_decoder: what is asked for and whether it can be had. Nothing is allocated for
 * the picture before the head has passed its checks and the limits; decode_tiles.c then does the
 * work. */
#include "codec/base/bytes.h"
#include "codec/base/status.h"
#include "codec/container.h"
#include "codec/decode_tiles.h"

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
    if (lic_context_options_foreign(options, err))
        return LIC_ERR_ARGUMENT;
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

static lic_status explain(lic_damage damage, lic_error *err)
{
    switch (damage) {
    case LIC_DAMAGE_CODE:
        return lic_fail(err, LIC_ERR_CORRUPT, "the coded latents are damaged");
    case LIC_DAMAGE_LATENTS:
        return lic_fail(err, LIC_ERR_MISMATCH,
                        "the latents decoded here are not those that were encoded");
    case LIC_DAMAGE_NOT_CUT:
        return lic_fail(err, LIC_ERR_CORRUPT,
                        "the file is damaged in another way than being cut short");
    case LIC_DAMAGE_NO_MEMORY:
        return lic_fail(err, LIC_ERR_MEMORY, "not enough memory for the picture");
    default:
        return LIC_OK;
    }
}

/* The rectangle asked for, or the whole picture; false if it is not inside. */
static bool set_crop(lic_decoding *d, const lic_decode_options *o)
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

static lic_status check_options(const lic_decode_options *options, lic_error *err)
{
    if (options->struct_bytes != sizeof *options)
        return lic_fail(err, LIC_ERR_ARGUMENT, "lic_decode_options not initialised");
    if (options->depth != 0 && options->depth != 8 && options->depth != 16)
        return lic_fail(err, LIC_ERR_ARGUMENT, "depth is 8 or 16, or 0 for the stream's");
    if (options->scale > 1 && options->scale != LIC_PREVIEW_SCALE)
        return lic_fail(err, LIC_ERR_ARGUMENT, "pictures are reduced by %d or not at all",
                        LIC_PREVIEW_SCALE);
    return LIC_OK;
}

/* The grid of tiles; each tile of a file that was not cut has at least a head. */
static bool set_grid(lic_decoding *d)
{
    const lic_container *file = &d->file;
    if (!lic_grid_init(&d->grid, file->width, file->height, (int)file->tile_w, (int)file->tile_h))
        return false;
    const size_t n = (size_t)d->grid.columns * (size_t)d->grid.rows;
    return !file->tile_w ||
           (n > 1 && (d->codes.cut || n <= file->latent_bytes / LIC_MIN_TILE_BYTES));
}

/* Everything that can be refused before memory is taken. */
static lic_status admit(const lic_context *context, lic_decoding *d,
                        const lic_decode_options *options, lic_error *err)
{
    const lic_container *file = &d->file;
    const uint32_t id = lic_model_id(context->model);
    if (file->model_id != id)
        return lic_fail(err, LIC_ERR_MODEL_WRONG,
                        "the file needs the model %08x, this is %08x (%s)",
                        (unsigned)file->model_id, (unsigned)id, context->model->info.name);
    if (!set_crop(d, options))
        return lic_fail(err, LIC_ERR_ARGUMENT,
                        "the rectangle is not inside the picture of %u x %u pixels",
                        (unsigned)file->width, (unsigned)file->height);
    if (options->scale > 1 && options->crop_width)
        return lic_fail(err, LIC_ERR_ARGUMENT, "a reduced picture is that of the whole");
    if (!set_grid(d))
        return lic_fail(err, LIC_ERR_CORRUPT,
                        "the file is damaged: its tiles do not fit the picture");
    return lic_context_admit(context, file->width, file->height, err);
}

static void set_output(lic_decoding *d, const lic_decode_options *options)
{
    lic_image *image = &d->to.image;
    d->scale = options->scale > 1 ? (int)options->scale : 1;
    d->n_read = options->n_slices < LIC_MAX_SLICES ? (int)options->n_slices : 0;
    d->no_check = options->no_check != 0;
    *image = (lic_image){.width = (uint32_t)((d->crop.x1 - d->crop.x0 + d->scale - 1) / d->scale),
                         .height = (uint32_t)((d->crop.y1 - d->crop.y0 + d->scale - 1) / d->scale),
                         .channels = d->file.channels,
                         .depth = options->depth ? options->depth : d->file.depth};
    image->stride_bytes = (size_t)image->width * image->channels * (image->depth / 8);
}

/* A file that was cut is not one in which a byte is wrong, which the checksum can tell; of files so
 * large that chance would explain one in a hundred, a bit. */
static bool looks_cut(const lic_container *file, size_t bytes)
{
    const size_t few = (size_t)1 << 17;
    return file->latents && !lic_crc32_one_wrong(file->crc_difference, bytes, bytes <= few);
}

/* The container. If only its checksum is wrong it is taken for cut when salvaging. */
static lic_status read_container(const void *data, size_t bytes, const lic_decode_options *options,
                                 lic_chunk *chunks, lic_decoding *d, lic_error *err)
{
    lic_error own;
    const lic_status status = lic_container_read(data, bytes, chunks, &d->file, &own);
    if (!status || status != LIC_ERR_CORRUPT || !options->salvage || !d->file.latents)
        return status ? lic_fail(err, status, "%s", own.text) : LIC_OK;
    d->codes.cut = looks_cut(&d->file, bytes);
    return d->codes.cut ? LIC_OK : explain(LIC_DAMAGE_NOT_CUT, err);
}

static void set_stats(lic_context *context, const lic_decoding *d)
{
    lic_stats *stats = &context->stats;
    stats->check_latents = d->file.check_latents;
    stats->latent_bytes = d->file.latent_bytes;
    stats->n_tiles = d->n_tiles;
    stats->n_whole_tiles = d->n_whole_tiles;
    stats->n_slices = (uint32_t)d->n_read;
    stats->n_whole_slices = d->n_whole_slices;
}

/* Common to pictures in memory and pictures for a sink. */
static lic_status decode(lic_decoder *decoder, const void *data, size_t bytes,
                         const lic_decode_options *options, lic_decoding *d, lic_error *err)
{
    lic_decode_options defaults;
    lic_decode_options_init(&defaults);
    options = options ? options : &defaults;
    lic_context *context = &decoder->context;
    lic_chunk chunks[LIC_MAX_CHUNKS];
    memset(&context->stats, 0, sizeof context->stats);
    lic_status status = check_options(options, err);
    if (!status)
        status = read_container(data, bytes, options, chunks, d, err);
    if (!status)
        status = admit(context, d, options, err);
    if (status)
        return status;
    d->allocator = context->options.allocator;
    set_output(d, options);
    status = lic_context_run(context, lic_decoding_forward, d, d->file.width, d->file.height, err);
    set_stats(context, d);
    return status ? status : explain(d->damage, err);
}

/* Before anything that can fail, so that a caller may free *out whatever became of the call. */
static void empty(lic_image *out)
{
    if (out)
        memset(out, 0, sizeof *out);
}

lic_status lic_decoder_decode_area(lic_decoder *decoder, const void *data, size_t bytes,
                                   const lic_decode_options *options, lic_image *out,
                                   lic_error *err)
{
    empty(out);
    if (!decoder || !data || !out)
        return lic_fail(err, LIC_ERR_ARGUMENT, "lic_decoder_decode: bad argument");
    lic_decoding d = {0};
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
    lic_decoding d = {.by_rows = true, .sink = sink, .sink_user = user};
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
    lic_decoder *decoder;
    empty(out);
    lic_status status = lic_decoder_new(model, options, &decoder, err);
    if (!status)
        status = lic_decoder_decode(decoder, data, bytes, depth, out, err);
    lic_decoder_free(decoder);
    return status;
}

static bool in_range(uint32_t width, uint32_t height)
{
    return width >= 1 && height >= 1 && width <= 65535 && height <= 65535;
}

static uint64_t plan(const lic_model *model, const lic_container *file, size_t row_bytes,
                     int threads)
{
    const uint32_t width = file->width, height = file->height;
    lic_decoding d = {.file = *file,
                      .scale = 1,
                      .to.image = {.height = height, .stride_bytes = row_bytes},
                      .by_rows = row_bytes != 0};
    if (!model || !in_range(width, height))
        return 0;
    d.crop = (lic_area){0, 0, (int)width, (int)height};
    if (!lic_grid_init(&d.grid, width, height, (int)file->tile_w, (int)file->tile_h))
        return 0;
    return lic_context_plan(model, lic_decoding_forward, &d, threads);
}

uint64_t lic_plan_stream_bytes(const lic_model *model, const lic_info *info, size_t row_bytes,
                               int threads)
{
    if (!info)
        return 0;
    const lic_container file = {.width = info->width,
                                .height = info->height,
                                .tile_w = info->tile_width,
                                .tile_h = info->tile_height};
    return plan(model, &file, row_bytes, threads);
}

uint64_t lic_plan_bytes(const lic_model *model, uint32_t width, uint32_t height, uint32_t tile_side,
                        size_t row_bytes, int threads)
{
    int tile_w, tile_h;
    if (!in_range(width, height) || !lic_tile_side_is_valid(tile_side))
        return 0;
    lic_grid_choose(width, height, tile_side, &tile_w, &tile_h);
    const lic_container file = {
        .width = width, .height = height, .tile_w = (uint32_t)tile_w, .tile_h = (uint32_t)tile_h};
    const uint64_t decoder = plan(model, &file, row_bytes, threads);
    const uint64_t encoder =
        decoder ? lic_plan_encoder(model, width, height, tile_side, row_bytes, threads) : 0;
    return encoder > decoder ? encoder : decoder;
}

void lic_image_free(lic_image *image, const lic_allocator *allocator)
{
    if (image && image->data)
        lic_dealloc(allocator, image->data);
    if (image)
        memset(image, 0, sizeof *image);
}
