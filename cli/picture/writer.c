/* writer.c - lic_writer: puts alpha back into the rows, where the format has a place for it. */
#include "cli/base/report.h"
#include "cli/picture/blend.h"
#include "cli/picture/format.h"

#include <stdlib.h>

struct lic_writer {
    const lic_writer_format *format;
    void *state;
    lic_picture *picture;
    const lic_read_options *options;
    uint32_t channels;                        /* of what is written */
    lic_alpha_unpacker *unpacker;             /* NULL: no alpha wanted, or none there */
    uint8_t *block, *stored, *alpha, *pixels; /* a row: alpha as stored, as wanted, all of it */
};

/* Whether alpha changes what is written. If it cannot be kept, says so. */
static bool wants_alpha(const lic_writer *w)
{
    const lic_alpha how = w->options->alpha;
    if (!w->picture->alpha.data || how == LIC_ALPHA_DROP)
        return false;
    if (how != LIC_ALPHA_BLEND && !w->format->has_alpha) {
        lic_picture_warn(w->picture,
                         "transparency is left out: a %s file cannot hold it; "
                         "--alpha=blend=RRGGBB puts a colour behind the picture",
                         w->format->name);
        return false;
    }
    return true;
}

static lic_status prepare_alpha(lic_writer *w, lic_error *err)
{
    const lic_image *image = &w->picture->image;
    w->channels = image->channels;
    if (!wants_alpha(w))
        return LIC_OK;
    w->channels = w->options->alpha == LIC_ALPHA_BLEND
                      ? lic_blend_channels(image->channels, w->options->background)
                      : image->channels + 1;
    w->unpacker = lic_alpha_unpacker_new(&w->picture->alpha, image->width);
    /* alpha twice, at up to 16 bits, and up to four samples for the row */
    w->block = calloc(6, 2 * (size_t)image->width);
    if (!w->unpacker || !w->block)
        return lic_report_fail(err, LIC_ERR_MEMORY, "no memory for a row of alpha");
    w->stored = w->block;
    w->alpha = w->stored + 2 * (size_t)image->width;
    w->pixels = w->alpha + 2 * (size_t)image->width;
    return LIC_OK;
}

lic_status lic_writer_open(FILE *file, lic_picture_format format, lic_picture *picture,
                           const lic_read_options *options, lic_writer **writer, lic_error *err)
{
    lic_writer *w = *writer = calloc(1, sizeof *w);
    if (!w)
        return lic_report_fail(err, LIC_ERR_MEMORY, "no memory to write a picture");
    *w = (lic_writer){.format = lic_formats[format].writer, .picture = picture, .options = options};
    lic_status status = w->format ? prepare_alpha(w, err)
                                  : lic_report_fail(err, LIC_ERR_ARGUMENT, "no format chosen");
    if (status == LIC_OK)
        status = w->format->open(file, picture, w->channels, &w->state, err);
    if (status != LIC_OK) {
        lic_writer_close(w);
        *writer = NULL;
    }
    return status;
}

void lic_writer_close(lic_writer *w)
{
    if (!w)
        return;
    if (w->format)
        w->format->close(w->state);
    lic_alpha_unpacker_free(w->unpacker);
    free(w->block);
    free(w);
}

/* The row with alpha, in w->pixels. */
static lic_status put_alpha(lic_writer *w, const void *row, lic_error *err)
{
    const lic_image *image = &w->picture->image;
    const uint32_t stored_depth = w->picture->alpha.depth;
    const lic_status status = lic_alpha_unpack_row(w->unpacker, w->stored, err);
    if (status != LIC_OK)
        return status;
    lic_blend_rescale(w->stored, image->width, stored_depth, image->depth, w->alpha);
    if (w->options->alpha == LIC_ALPHA_BLEND)
        lic_blend_over(row, w->alpha, image->width, image->channels, image->depth,
                       w->options->background, w->channels, w->pixels);
    else
        lic_blend_join(row, w->alpha, image->width, image->channels, image->depth, w->pixels);
    return LIC_OK;
}

lic_status lic_writer_rows(lic_writer *w, uint32_t n_rows, const void *rows, size_t stride_bytes,
                           lic_error *err)
{
    for (uint32_t y = 0; y < n_rows; y++) {
        const uint8_t *row = (const uint8_t *)rows + y * stride_bytes;
        lic_status status = w->unpacker ? put_alpha(w, row, err) : LIC_OK;
        if (status == LIC_OK)
            status = w->format->row(w->state, w->unpacker ? w->pixels : row, err);
        if (status != LIC_OK)
            return status;
    }
    return LIC_OK;
}

lic_status lic_writer_end(lic_writer *w, lic_error *err)
{
    const lic_status status = w->unpacker ? lic_alpha_unpack_end(w->unpacker, err) : LIC_OK;
    return status == LIC_OK ? w->format->end(w->state, err) : status;
}
