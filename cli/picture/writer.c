/* writer.c - lic_writer: takes alpha out of the rows where it does not go into the file. */
#include "cli/base/report.h"
#include "cli/picture/blend.h"
#include "cli/picture/format.h"

#include <stdlib.h>

struct lic_writer {
    const lic_writer_format *format;
    lic_format_state *state;
    lic_picture *picture;
    const lic_read_options *options;
    uint32_t channels; /* of what is written */
    uint8_t *pixels;   /* a row of that, where alpha does not go into the file */
};

/* Whether alpha goes into the file. If it cannot be kept, says so. */
static bool keeps_alpha(const lic_writer *w)
{
    const lic_alpha how = w->options->alpha;
    if (how == LIC_ALPHA_DROP || how == LIC_ALPHA_BLEND)
        return false;
    if (!w->format->has_alpha)
        lic_picture_warn(w->picture,
                         "transparency is left out: a %s file cannot hold it; "
                         "--alpha=blend=RRGGBB puts a colour behind the picture",
                         w->format->name);
    return w->format->has_alpha;
}

static lic_status prepare_alpha(lic_writer *w, lic_error *err)
{
    const lic_image *image = &w->picture->image;
    w->channels = image->channels;
    if (image->channels % 2 == 1 || keeps_alpha(w))
        return LIC_OK;
    w->channels = w->options->alpha == LIC_ALPHA_BLEND
                      ? lic_blend_channels(image->channels, w->options->background)
                      : image->channels - 1;
    w->pixels = malloc(lic_image_row_bytes(image, w->channels));
    return w->pixels ? LIC_OK
                     : lic_report_fail(err, LIC_ERR_MEMORY, "no memory for a row of alpha");
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
    if (status == LIC_OK && !(w->state = calloc(1, w->format->state_bytes)))
        status = lic_report_fail(err, LIC_ERR_MEMORY, "no memory to write a picture");
    if (status == LIC_OK) {
        *w->state = (lic_format_state){.picture = picture,
                                       .file = file,
                                       .threads = 1,
                                       .channels = w->channels,
                                       .doing = w->format->doing,
                                       .on_error = LIC_REPORT_ERR_IO};
        status = lic_format_run(w->state, w->format->open, err);
    }
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
    if (w->state && w->format->close)
        w->format->close(w->state);
    free(w->state);
    free(w->pixels);
    free(w);
}

void lic_writer_use_threads(lic_writer *w, int threads)
{
    w->state->threads = threads;
}

lic_status lic_writer_rows(lic_writer *w, uint32_t n_rows, const void *rows, size_t stride_bytes,
                           lic_error *err)
{
    for (uint32_t y = 0; y < n_rows; y++) {
        const uint8_t *row = (const uint8_t *)rows + y * stride_bytes;
        if (w->pixels && w->options->alpha == LIC_ALPHA_BLEND)
            lic_blend_over(&w->picture->image, row, w->options->background, w->pixels);
        else if (w->pixels)
            lic_blend_drop(&w->picture->image, row, w->pixels);
        w->state->written = w->pixels ? w->pixels : row;
        const lic_status status = lic_format_run(w->state, w->format->row, err);
        if (status != LIC_OK)
            return status;
    }
    return LIC_OK;
}

lic_status lic_writer_end(lic_writer *w, lic_error *err)
{
    return lic_format_run(w->state, w->format->end, err);
}

lic_status lic_picture_write(FILE *file, lic_picture_format format, lic_picture *picture,
                             lic_error *err)
{
    const lic_read_options options = {.alpha = LIC_ALPHA_KEEP};
    const lic_image *image = &picture->image;
    lic_writer *writer;
    lic_status status = lic_writer_open(file, format, picture, &options, &writer, err);
    if (status == LIC_OK)
        status = lic_writer_rows(writer, image->height, image->data, image->stride_bytes, err);
    if (status == LIC_OK)
        status = lic_writer_end(writer, err);
    lic_writer_close(writer);
    return status;
}
