/* encoder.c - lic_session_encode: checks what is given and whether it can be done; encode_tiles.c
 * does the work, and its code becomes a container here. */
#include "codec/alpha.h"
#include "codec/base/cpu.h"
#include "codec/base/status.h"
#include "codec/container.h"
#include "codec/encode_tiles.h"
#include "codec/lossless_tiles.h"
#include "codec/metadata.h"
#include "codec/options.h"
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

/* Lists all that travels with the picture: the caller's chunks, metadata, alpha. */
static lic_status list_chunks(lic_encoding *e, lic_chunk *chunks, lic_container *file,
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

static lic_container shape_of(const lic_encoding *e)
{
    const lic_image *image = &e->from.image;
    return (lic_container){.version = e->lossless ? LIC_VERSION_LOSSLESS : 1,
                           .width = image->width,
                           .height = image->height,
                           .channels = image->channels < 3 ? 1 : 3,
                           .depth = image->depth,
                           .tile_w = (uint32_t)e->tile_w,
                           .tile_h = (uint32_t)e->tile_h};
}

static bool is_transparent(const lic_encoding *e)
{
    const lic_image *image = &e->from.image;
    const uint8_t *row = image->data;
    for (uint32_t y = 0; y < image->height && lic_encoding_has_alpha(e); y++)
        if (!lic_plane_row_is_opaque(row + y * image->stride_bytes, image->width, image->channels,
                                     image->depth))
            return true;
    return false;
}

/* Before any work: whether all that is given fits in a file. What a source may still fill in, and
 * whether blocks will be exact, is not known yet. */
static lic_status check_chunks(lic_encoding *e, lic_error *err)
{
    lic_chunk chunks[LIC_MAX_CHUNKS + LIC_METADATA_CHUNKS];
    lic_buffer exif = {0};
    lic_container file = shape_of(e);
    if (e->by_rows)
        return LIC_OK;
    lic_status status = list_chunks(e, chunks, &file, &exif, err);
    if (!status) {
        /* Of more than fit none is looked at, so the one for alpha need not be there yet. */
        file.n_chunks += file.n_chunks == LIC_MAX_CHUNKS && is_transparent(e);
        status = lic_container_check(&file, err);
    }
    lic_buffer_free(&exif);
    return status;
}

static lic_status write_file(lic_session *session, lic_encoding *e, lic_buffer *out, lic_error *err)
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
    lic_container file = shape_of(e);
    file.quality_code = e->lossless ? LIC_QUALITY_CODES : e->quality_code;
    file.model_id = e->lossless ? 0 : lic_model_id(session->model);
    file.check_latents = listed ? e->tiles.check : e->check;
    file.latents = listed ? e->tiles.bytes.data : e->coder.data;
    file.latent_bytes = listed ? e->tiles.bytes.bytes : e->coder.bytes;
    session->stats.check_latents = file.check_latents;
    session->stats.latent_bytes = file.latent_bytes;
    lic_status status = list_chunks(e, chunks, &file, &exif, err);
    if (!status)
        status = lic_container_write(&file, session->options.allocator, out, err);
    lic_buffer_free(&exif);
    return status;
}

static void set_grid(lic_encoding *e, uint32_t width, uint32_t height, uint32_t side)
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
    if (options->near && options->lossless != LIC_LOSSLESS_YES)
        return lic_fail(err, LIC_ERR_ARGUMENT, "a largest error is for lossless files");
    return LIC_OK;
}

/* The caller's picture, or the shape of what comes from a source. */
static lic_status take_image(lic_encoding *e, const lic_image *image, lic_error *err)
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
    const uint32_t most = LIC_MAX_NEAR(own->depth);
    if (!status && e->options->near > most)
        return lic_fail(err, LIC_ERR_ARGUMENT, "the largest error of samples of %u bits is %u",
                        own->depth, most);
    if (!status && lic_encoding_has_alpha(e) &&
        lic_plane_bytes(own->width, own->height, own->depth) > UINT32_MAX)
        return lic_fail(err, LIC_ERR_LIMIT, "the picture has more alpha than a file can keep");
    return status;
}

/* Encodes what has been admitted. *out is empty. The caller's options are read again after the last
 * row, because only then is all metadata there. */
static lic_status encode(lic_session *session, lic_encoding *e, const lic_encode_options *options,
                         lic_buffer *out, lic_error *err)
{
    const lic_image *image = &e->from.image;
    const uint64_t saved = lic_fp_enter(); /* the caller may use another rounding mode */
    e->quality_code = (uint32_t)(e->options->quality * (LIC_QUALITY_CODES / 100.0) + 0.5);
    lic_fp_leave(saved);
    e->tiles.bytes.allocator = e->exact.bytes.allocator = session->options.allocator;
    e->blocks.list.bytes.allocator = session->options.allocator;
    e->chooses = e->drawn = e->options->lossless == LIC_LOSSLESS_AUTO;
    set_grid(e, image->width, image->height, e->options->tile_side);
    lic_status status = check_chunks(e, err);
    if (status)
        return status;
    e->tiles.expected = (size_t)e->grid.columns * (size_t)e->grid.rows;
    if (lic_encoding_has_alpha(e)) {
        e->alpha = lic_plane_packer_new(image->width, image->height, image->depth,
                                        session->options.allocator);
        if (!e->alpha)
            return lic_fail(err, LIC_ERR_MEMORY, "not enough memory for the transparency");
    }
    status = lic_session_run(session, e->lossless ? lic_encoding_lossless : lic_encoding_forward, e,
                             image->width, image->height, err);
    if (!status)
        status = lic_encode_options_take(options, e->options, err);
    if (!status)
        status = write_file(session, e, out, err);
    lic_plane_packer_free(e->alpha);
    lic_encoding_drop_code(e);
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
    lic_encoding e = {.by_rows = own.source != NULL,
                      .options = &own,
                      .lossless = own.lossless == LIC_LOSSLESS_YES};
    if (!status && own.lossless != LIC_LOSSLESS_YES && !session->model)
        status = lic_fail(err, LIC_ERR_ARGUMENT, "no model given: without one only lossless");
    if (!status && !e.lossless && !(session->model->uses & LIC_MODEL_ENCODES))
        status = lic_fail(err, LIC_ERR_ARGUMENT, "the model was not opened for encoding");
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
    lic_encoding e = {.from.image = {.width = width,
                                     .height = height,
                                     .stride_bytes = row_bytes,
                                     .channels = 3,
                                     .depth = 16},
                      .by_rows = row_bytes != 0,
                      .chooses = model != NULL,
                      .lossless = !model};
    set_grid(&e, width, height, tile_side);
    return lic_session_plan(model, model ? lic_encoding_forward : lic_encoding_lossless, &e,
                            threads);
}
