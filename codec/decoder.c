/* decoder.c - lic_session_decode: checks what is asked for and whether it can be done. Nothing is
 * allocated for the picture before the head has passed its checks and the limits. decode_tiles.c
 * then does the work. */
#include "codec/alpha.h"
#include "codec/base/bytes.h"
#include "codec/base/status.h"
#include "codec/container.h"
#include "codec/decode_tiles.h"
#include "codec/latent.h"
#include "codec/lossless_tiles.h"
#include "codec/options.h"

#include <string.h>

enum { LIC_MIN_TILE_BYTES = 5 }; /* its length and its check */

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
    case LIC_DAMAGE_ALPHA:
        return lic_fail(err, LIC_ERR_CORRUPT, "the transparency in the file is damaged");
    case LIC_DAMAGE_EXACT:
        return lic_fail(err, LIC_ERR_CORRUPT,
                        "the parts of the picture that are kept exactly are damaged");
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
    if (options->depth != 0 && options->depth != 8 && options->depth != 16)
        return lic_fail(err, LIC_ERR_ARGUMENT, "depth is 8 or 16, or 0 for the stream's");
    if (options->channels > 4)
        return lic_fail(err, LIC_ERR_ARGUMENT, "channels are 1 to 4, or 0 for the stream's");
    if (options->scale && !lic_scale_is_valid(options->scale))
        return lic_fail(err, LIC_ERR_ARGUMENT,
                        "pictures are reduced by 2, 4, 8 or 16, or not at all");
    return LIC_OK;
}

/* Sets the grid of tiles. Unless the file was cut, each tile has at least a head. */
static bool set_grid(lic_decoding *d)
{
    const lic_container *file = &d->file;
    if (!lic_grid_init(&d->grid, file->width, file->height, (int)file->tile_w, (int)file->tile_h))
        return false;
    const size_t n = (size_t)d->grid.columns * (size_t)d->grid.rows;
    return (!file->tile_w && file->version != 2) ||
           ((n > 1 || !file->tile_w) &&
            (d->codes.cut || n <= file->latent_bytes / LIC_MIN_TILE_BYTES));
}

/* Memory grows with the area of a tile, but code that is too short is found before any is taken. */
static lic_status admit_tiles(const lic_session *session, const lic_decoding *d, lic_error *err)
{
    const lic_grid *g = &d->grid;
    const uint64_t pixels = (uint64_t)g->tile_w * (uint64_t)g->tile_h;
    if (pixels > session->options.max_tile_pixels)
        return lic_fail(err, LIC_ERR_LIMIT,
                        "tiles of %d x %d pixels are more than the limit of %llu pixels", g->tile_w,
                        g->tile_h, (unsigned long long)session->options.max_tile_pixels);
    if (!d->file.tile_w && !d->codes.cut && !d->lossless &&
        !lic_latent_may_fit(session->model, g->height / 16, g->width / 16, d->file.latent_bytes))
        return explain(LIC_DAMAGE_CODE, err);
    return LIC_OK;
}

/* Whether a model has what a picture, or a preview of it, takes. */
static bool is_opened_for(const lic_model *model, uint32_t scale)
{
    const uint32_t uses = model->uses;
    return uses & LIC_MODEL_DECODES || (uses & LIC_MODEL_PREVIEWS && scale > 1 &&
                                        lic_preview_head(&model->net, LIC_MAX_SCALE / (int)scale));
}

/* Refuses what can be refused before memory is taken. */
static lic_status admit(const lic_session *session, lic_decoding *d,
                        const lic_decode_options *options, lic_error *err)
{
    const lic_container *file = &d->file;
    const uint32_t id = session->model ? lic_model_id(session->model) : 0;
    if (session->model && !d->lossless && !is_opened_for(session->model, options->scale))
        return lic_fail(err, LIC_ERR_ARGUMENT, "the model was not opened for decoding%s",
                        session->model->uses & LIC_MODEL_PREVIEWS ? " more than previews" : "");
    if (!session->model && !d->lossless)
        return lic_fail(err, LIC_ERR_ARGUMENT, "no model given: the file needs %08x",
                        (unsigned)file->model_id);
    if (file->model_id != id && !d->lossless)
        return lic_fail(err, LIC_ERR_MODEL_WRONG,
                        "the file needs the model %08x, this is %08x (%s)",
                        (unsigned)file->model_id, (unsigned)id, session->model->info.name);
    if (!set_crop(d, options))
        return lic_fail(err, LIC_ERR_ARGUMENT,
                        "the rectangle is not inside the picture of %u x %u pixels",
                        (unsigned)file->width, (unsigned)file->height);
    if (file->channels == 3 && (options->channels == 1 || options->channels == 2))
        return lic_fail(err, LIC_ERR_ARGUMENT, "a picture with colours is not decoded to grey");
    if (options->scale > 1 && options->crop_width)
        return lic_fail(err, LIC_ERR_ARGUMENT, "a reduced picture is that of the whole");
    if (!set_grid(d))
        return lic_fail(err, LIC_ERR_CORRUPT,
                        "the file is damaged: its tiles do not fit the picture");
    d->exact = lic_chunk_find(file->chunks, file->n_chunks, LIC_EXACT_TYPE);
    if (d->exact &&
        !lic_exact_chunk_is_valid(d->exact, (size_t)d->grid.columns * (size_t)d->grid.rows))
        return explain(LIC_DAMAGE_EXACT, err);
    const lic_status status = lic_session_admit(session, file->width, file->height, err);
    return status ? status : admit_tiles(session, d, err);
}

static void set_output(lic_decoding *d, const lic_decode_options *options)
{
    lic_image *image = &d->to.image;
    d->alpha = lic_chunk_find(d->file.chunks, d->file.n_chunks, LIC_ALPHA_TYPE);
    if (!d->alpha)
        d->alpha = lic_chunk_find(d->file.chunks, d->file.n_chunks, LIC_OLD_ALPHA_TYPE);
    if (d->exact)
        d->exact_reader =
            (lic_reader){.at = d->exact->data, .end = d->exact->data + d->exact->bytes};
    d->scale = options->scale > 1 ? (int)options->scale : 1;
    d->n_read = options->n_slices < LIC_MAX_SLICES ? (int)options->n_slices : 0;
    d->no_check = options->no_check != 0;
    d->to.grey = d->file.channels == 1;
    *image = (lic_image){.struct_bytes = sizeof *image,
                         .width = (uint32_t)((d->crop.x1 - d->crop.x0 + d->scale - 1) / d->scale),
                         .height = (uint32_t)((d->crop.y1 - d->crop.y0 + d->scale - 1) / d->scale),
                         .channels = options->channels ? options->channels
                                                       : d->file.channels + (d->alpha != NULL),
                         .depth = options->depth ? options->depth : d->file.depth};
    image->stride_bytes = (size_t)image->width * image->channels * (image->depth / 8);
}

/* The checksum can tell a file that was cut from one with a single wrong byte. In files so large
 * that chance would explain one in a hundred that way, only a single wrong bit is looked for. */
static bool looks_cut(const lic_container *file, size_t bytes)
{
    const size_t few = (size_t)1 << 17;
    return file->latents && !lic_crc32_one_wrong(file->crc_difference, bytes, bytes <= few);
}

/* Reads the container. When salvaging, a file of which only the checksum is wrong is taken to be
 * cut. */
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

/* How much of a caller's image may be written: its struct_bytes, unless that is 0 or nonsense. */
static size_t image_bytes(const lic_image *image)
{
    const size_t bytes = image->struct_bytes, first_form = sizeof(lic_image);
    return bytes >= first_form && bytes < sizeof *image ? bytes : sizeof *image;
}

/* Called before anything that can fail, so that a caller may free *out whether or not the call
 * succeeded. struct_bytes is left as it is. */
static void empty(lic_image *out)
{
    if (out)
        memset(out, 0, image_bytes(out));
}

static void set_stats(lic_session *session, const lic_decoding *d)
{
    lic_stats *stats = &session->stats;
    stats->check_latents = d->file.check_latents;
    stats->latent_bytes = d->file.latent_bytes;
    stats->n_tiles = d->n_tiles;
    stats->n_whole_tiles = d->n_whole_tiles;
    stats->n_slices = (uint32_t)d->n_read;
    stats->n_whole_slices = d->n_whole_slices;
}

/* Alpha is unpacked row by row along with the colours. */
static lic_status open_alpha(const lic_session *session, lic_decoding *d, lic_error *err)
{
    const lic_plane_part part = {.chunk = d->alpha,
                                 .width = d->file.width,
                                 .height = d->file.height,
                                 .depth = d->file.depth,
                                 .x = (uint32_t)d->crop.x0,
                                 .y = (uint32_t)d->crop.y0,
                                 .scale = (uint32_t)d->scale};
    if (d->to.image.channels % 2)
        return LIC_OK;
    d->unpacker = lic_plane_unpacker_new(&part, session->options.allocator);
    return d->unpacker ? LIC_OK : explain(LIC_DAMAGE_NO_MEMORY, err);
}

/* Decodes what has been admitted. */
static lic_status decode(lic_session *session, lic_decoding *d, lic_error *err)
{
    d->allocator = session->options.allocator;
    lic_status status = open_alpha(session, d, err);
    if (!status)
        status =
            lic_session_run(session, lic_decoding_forward, d, d->file.width, d->file.height, err);
    lic_plane_unpacker_free(d->unpacker);
    set_stats(session, d);
    return status ? status : explain(d->damage, err);
}

/* Fills as much of the caller's struct as there is: the picture, or its shape if rows went to a
 * sink. */
static void give_image(const lic_decoding *d, lic_image *out)
{
    lic_image image = d->to.image;
    if (d->by_rows) {
        image.data = NULL;
    } else {
        image.allocator = d->allocator;
    }
    const size_t bytes = image_bytes(out);
    lic_struct_give(&image, sizeof image, out, bytes);
}

lic_status lic_session_decode(lic_session *session, const void *data, size_t bytes,
                              const lic_decode_options *options, lic_image *out, lic_error *err)
{
    lic_decode_options own;
    lic_chunk chunks[LIC_MAX_CHUNKS];
    empty(out);
    if (!session || !data)
        return lic_fail(err, LIC_ERR_ARGUMENT, "lic_session_decode: bad argument");
    memset(&session->stats, 0, sizeof session->stats);
    lic_status status = lic_decode_options_take(options, &own, err);
    lic_decoding d = {.by_rows = own.sink != NULL, .sink = own.sink, .sink_user = own.sink_user};
    if (!status && !out && !own.sink)
        status = lic_fail(err, LIC_ERR_ARGUMENT, "no image and no sink for the picture given");
    if (!status)
        status = check_options(&own, err);
    if (!status)
        status = read_container(data, bytes, &own, chunks, &d, err);
    d.lossless = d.file.version > 1;
    if (!status)
        status = admit(session, &d, &own, err);
    if (status)
        return status;
    set_output(&d, &own);
    status = decode(session, &d, err);
    if (status && !d.by_rows)
        lic_dealloc(d.allocator, d.to.image.data);
    else if (!status && out)
        give_image(&d, out);
    return status;
}

lic_status lic_decode(const lic_model *model, const void *data, size_t bytes,
                      const lic_options *options, const lic_decode_options *decode, lic_image *out,
                      lic_error *err)
{
    lic_session *session;
    empty(out);
    lic_status status = lic_session_new(model, options, &session, err);
    if (!status)
        status = lic_session_decode(session, data, bytes, decode, out, err);
    lic_session_free(session);
    return status;
}

void lic_image_free(lic_image *image)
{
    if (!image)
        return;
    lic_dealloc(image->allocator, image->data);
    memset(image, 0, image_bytes(image));
}
