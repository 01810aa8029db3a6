/* view.c - see view.h. Rows go from the decoder through the reducer to the caller, so that a small
 * view of a large picture takes the memory of a row of tiles. */
#include "cli/package/desktop/view.h"

#include "cli/base/chunks.h"
#include "cli/base/report.h"
#include "cli/package/desktop/shrink.h"
#include "cli/picture/colour.h"
#include "cli/picture/icc.h"
#include "cli/picture/image_io.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { RGB = 3, MAX_SCALE = 16 };

const lic_view_limits lic_view_of_picture = {
    .bytes = (size_t)256 << 20,
    .pixels = (uint64_t)1 << 28,
    .memory = (uint64_t)2 << 30,
    .work = LIC_MAX_WORK,
};
const lic_view_limits lic_view_of_thumbnail = {
    .bytes = (size_t)64 << 20,
    .pixels = (uint64_t)1 << 27,
    .memory = (uint64_t)512 << 20,
    .work = (uint64_t)1 << 40,
};

/* The first chunk of a type; a damaged one counts as none. */
static lic_buffer read_chunk(const lic_info *info, const char *type)
{
    const lic_chunk *chunk = lic_info_chunk(info, type);
    lic_buffer out = {0};
    return chunk && lic_chunk_read(chunk, NULL, &out, NULL) == LIC_OK ? out : (lic_buffer){0};
}

/* If there is no profile, makes one from what PNG says of colours. */
static void make_profile(lic_view *view)
{
    lic_colour colour = {0};
    const char *why;
    lic_buffer colr = read_chunk(&view->info, "colr");
    if (colr.data)
        lic_colour_unpack(colr.data, colr.bytes, &colour);
    lic_buffer_free(&colr);
    if (view->icc.data || lic_colour_is_srgb(&colour))
        return;
    const lic_blob icc = lic_icc_of_colour(&colour, RGB, &why);
    view->icc = (lic_buffer){.data = icc.data, .bytes = icc.bytes};
}

lic_status lic_view_open(lic_view *view, const lic_view_limits *limits, const uint8_t *data,
                         size_t bytes, lic_error *err)
{
    *view = (lic_view){.limits = limits, .data = data, .bytes = bytes, .orientation = 1};
    if (bytes > limits->bytes)
        return lic_report_fail(err, LIC_ERR_LIMIT, "the file is too large for a view");
    lic_status status = lic_probe(data, bytes, &view->info, err);
    if (status != LIC_OK)
        return status;
    if ((uint64_t)view->info.width * view->info.height > limits->pixels)
        return lic_report_fail(err, LIC_ERR_LIMIT,
                               "%" PRIu32 "x%" PRIu32 " is too large for a view", view->info.width,
                               view->info.height);
    lic_buffer exif = read_chunk(&view->info, "exif");
    view->orientation = (int)lic_exif_orientation((lic_span){exif.data, exif.bytes});
    lic_buffer_free(&exif);
    view->channels = view->info.has_alpha ? RGB + 1 : RGB;
    view->icc = read_chunk(&view->info, "iccp");
    make_profile(view);
    return LIC_OK;
}

void lic_view_close(lic_view *view)
{
    lic_buffer_free(&view->icc);
    *view = (lic_view){0};
}

static int take_rows(void *user, uint32_t first, uint32_t n, void *rows, size_t stride_bytes)
{
    const uint8_t *row = rows;
    (void)first;
    for (uint32_t y = 0; y < n; y++, row += stride_bytes)
        lic_shrink_row(user, row);
    return 0;
}

/* Sides of a picture that is reduced. */
static uint32_t reduced(uint32_t length, uint32_t scale)
{
    return (length + scale - 1) / scale;
}

/* The most that the picture may be reduced by and still be as large as this. A preview does not
 * weigh colours by alpha, as the reducer does. */
static uint32_t most_reduced(const lic_info *info, uint32_t width, uint32_t height)
{
    uint32_t scale = info->has_alpha ? 1 : MAX_SCALE;
    while (scale > 1 &&
           (width > reduced(info->width, scale) || height > reduced(info->height, scale)))
        scale /= 2;
    return scale;
}

/* Opens the model, if one is needed. *scale, which is the most that will do, becomes 1 if no head
 * gives that. */
static lic_status open_model(const lic_view *view, uint32_t *scale, lic_model **model,
                             lic_error *err)
{
    lic_model_options opening;
    lic_model_info info;
    if (view->info.lossless)
        return LIC_OK;
    lic_model_options_init(&opening);
    opening.uses = *scale > 1 ? LIC_MODEL_PREVIEWS : LIC_MODEL_DECODES;
    opening.scale = *scale;
    const lic_status status = lic_model_find(NULL, view->info.model_id, &opening, model, err);
    if (status != LIC_OK)
        return status;
    lic_model_get_info(*model, &info);
    if (!info.preview_scale || *scale < info.preview_scale)
        *scale = 1;
    return LIC_OK;
}

static lic_status decode(const lic_view *view, const lic_model *model, lic_shrink *shrink,
                         uint32_t scale, lic_error *err)
{
    lic_session *decoder = NULL;
    lic_options options;
    lic_decode_options how;
    lic_options_init(&options);
    options.max_pixels = view->limits->pixels;
    options.max_memory = view->limits->memory;
    options.max_work = view->limits->work;
    lic_decode_options_init(&how);
    how.depth = 8;
    how.scale = scale;
    how.channels = view->channels;
    how.sink = take_rows;
    how.sink_user = shrink;
    lic_status status = lic_session_new(model, &options, &decoder, err);
    if (status == LIC_OK)
        status = lic_session_decode(decoder, view->data, view->bytes, &how, NULL, err);
    lic_session_free(decoder);
    return status;
}

lic_status lic_view_decode(const lic_view *view, uint32_t width, uint32_t height, uint8_t *to,
                           size_t stride_bytes, lic_error *err)
{
    lic_shrink shrink;
    lic_model *model = NULL;
    uint32_t scale = most_reduced(&view->info, width, height);
    lic_status status = open_model(view, &scale, &model, err);
    if (status != LIC_OK)
        return status;
    if (!lic_shrink_begin(&shrink, reduced(view->info.width, scale),
                          reduced(view->info.height, scale), view->channels, width, height, to,
                          stride_bytes))
        status = lic_report_fail(err, LIC_ERR_MEMORY, "out of memory");
    if (status == LIC_OK)
        status = decode(view, model, &shrink, scale, err);
    if (!lic_shrink_end(&shrink) && status == LIC_OK)
        status = lic_report_fail(err, LIC_ERR_CORRUPT, "rows are missing");
    lic_model_close(model);
    return status;
}
