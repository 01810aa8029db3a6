/* reader.c - lic_reader: finds the format, and settles what becomes of alpha. */
#include "cli/base/report.h"
#include "cli/picture/blend.h"
#include "cli/picture/format.h"

#include <stdlib.h>
#include <string.h>

struct lic_reader {
    const lic_reader_format *format;
    lic_format_state *state;
    const lic_read_options *options;
    lic_picture *picture;
    uint64_t memory;
    lic_image file;  /* shape of its rows */
    uint8_t *pixels; /* a row of the file, where alpha does not stay */
    uint32_t next_row;
    bool given_up; /* salvaging: no row is asked for any more */
};

/* ---- opening ---- */

/* PNG's signature is made so that it shows if a file was transferred as text. */
static bool was_png(const uint8_t *data, size_t bytes)
{
    static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
    int same = 0;
    for (size_t i = 0; i < sizeof signature && i < bytes; i++)
        same += data[i] == signature[i];
    return same >= 6;
}

static lic_status unknown_format(const uint8_t *data, size_t bytes, lic_error *err)
{
    if (was_png(data, bytes))
        return lic_report_fail(err, LIC_ERR_CORRUPT,
                               "damaged PNG: its first bytes are changed, as by a transfer as "
                               "text");
    const char *name = lic_picture_name_of_content(data, bytes);
    return lic_report_fail(err, LIC_ERR_UNSUPPORTED, "%s%s%s; what can be read: " LIC_FORMAT_TITLES,
                           name ? "is a " : "is not a picture that lic knows", name ? name : "",
                           name ? " file" : "");
}

/* Channels without alpha, blended or not. */
static uint32_t settled_channels(const lic_read_options *o, uint32_t channels)
{
    return o->alpha == LIC_ALPHA_BLEND ? lic_blend_channels(channels, o->background) : channels - 1;
}

/* Shape of what is given of a file with alpha, and a row of memory if that is not all of it. */
static lic_status prepare_alpha(lic_reader *r, lic_error *err)
{
    lic_image *image = &r->picture->image;
    const uint64_t plane = image->height * (1 + (uint64_t)image->width * (image->depth / 8));
    r->file = *image;
    if (image->channels % 2 == 1)
        return LIC_OK;
    if (r->options->alpha == LIC_ALPHA_KEEP) {
        if (plane > UINT32_MAX)
            return lic_report_fail(err, LIC_ERR_LIMIT,
                                   "has more alpha than a .lic file can keep: choose --alpha=drop "
                                   "or --alpha=blend=RRGGBB");
        r->memory += plane; /* packed by the encoder: noise does not get smaller */
        return LIC_OK;
    }
    image->channels = settled_channels(r->options, image->channels);
    r->pixels = malloc(lic_image_row_bytes(&r->file, r->file.channels));
    return r->pixels ? LIC_OK
                     : lic_report_fail(err, LIC_ERR_MEMORY, "no memory for a row of alpha");
}

static lic_status open_format(lic_reader *r, lic_source *source, lic_error *err)
{
    uint8_t head[16];
    const size_t bytes = lic_source_read(source, head, sizeof head);
    lic_status status = lic_source_status(source, err);
    if (status != LIC_OK)
        return status;
    source->at = 0;
    r->format = lic_formats[lic_picture_sniff(head, bytes)].reader;
    if (!r->format)
        return unknown_format(head, bytes, err);
    r->state = calloc(1, r->format->state_bytes);
    if (!r->state)
        return lic_report_fail(err, LIC_ERR_MEMORY, "no memory to read a picture");
    *r->state = (lic_format_state){.picture = r->picture,
                                   .options = r->options,
                                   .source = source,
                                   .doing = r->format->doing,
                                   .on_error = LIC_ERR_CORRUPT};
    status = lic_format_run(r->state, r->format->open, err);
    r->memory = r->state->memory;
    if (status == LIC_OK)
        status = prepare_alpha(r, err);
    r->memory += lic_picture_metadata_bytes(r->picture); /* as far as it is known by now */
    r->picture->image.stride_bytes =
        lic_image_row_bytes(&r->picture->image, r->picture->image.channels);
    return status;
}

lic_status lic_reader_open(lic_source *source, const lic_read_options *options,
                           lic_picture *picture, lic_reader **reader, lic_error *err)
{
    *picture = (lic_picture){0};
    *reader = calloc(1, sizeof **reader);
    if (!*reader)
        return lic_report_fail(err, LIC_ERR_MEMORY, "no memory to read a picture");
    (*reader)->options = options;
    (*reader)->picture = picture;
    const lic_status status = open_format(*reader, source, err);
    if (status != LIC_OK) {
        lic_reader_close(*reader);
        *reader = NULL;
    }
    return status;
}

uint64_t lic_reader_memory(const lic_reader *reader)
{
    return reader->memory;
}

void lic_reader_close(lic_reader *reader)
{
    if (!reader)
        return;
    if (reader->state && reader->format->close)
        reader->format->close(reader->state);
    free(reader->state);
    free(reader->pixels);
    free(reader);
}

/* ---- rows ---- */

/* A row with alpha to one without, by the options. */
static lic_status settle_alpha(const lic_read_options *o, const lic_image *from, const void *row,
                               void *to, lic_error *err)
{
    if (o->alpha == LIC_ALPHA_REFUSE && !lic_blend_is_opaque(from, row))
        return lic_report_fail(err, LIC_ERR_UNSUPPORTED,
                               "has transparency, which would be lost: choose --alpha=drop or "
                               "--alpha=blend=RRGGBB");
    if (o->alpha == LIC_ALPHA_BLEND)
        lic_blend_over(from, row, o->background, to);
    else
        lic_blend_drop(from, row, to);
    return LIC_OK;
}

/* A missing row becomes middle grey, opaque. */
static void fill_row(const lic_reader *r, uint8_t *row)
{
    const size_t bytes = r->file.depth / 8, channels = r->file.channels;
    memset(row, 0x80, lic_image_row_bytes(&r->file, r->file.channels));
    for (uint32_t x = 1; x <= r->file.width && channels % 2 == 0; x++)
        memset(row + (x * channels - 1) * bytes, 0xFF, bytes);
}

/* Rows of which a part is there are given all the same. */
static lic_status format_row(lic_reader *r, void *row, lic_error *err)
{
    lic_format_state *s = r->state;
    s->row = row;
    const lic_status status = lic_format_run(s, r->format->row, err);
    if (status != LIC_ERR_CORRUPT || !r->options->salvage || !s->has_all_rows)
        return status;
    lic_picture_damaged(r->picture, err->text);
    s->status = LIC_OK;
    s->has_all_rows = false;
    return lic_format_run(s, r->format->row, err);
}

/* The file's next row; when salvaging, what a damaged file does not have is filled up. Errors that
 * are got over leave nothing in *err. */
static lic_status file_row(lic_reader *r, uint8_t *row, lic_error *err)
{
    lic_picture *picture = r->picture;
    lic_error why = {0};
    const uint32_t y = r->next_row++;
    if (!r->given_up) {
        const lic_status status = format_row(r, row, &why);
        if (!picture->damage[0])
            picture->whole_rows = y + (status == LIC_OK);
        if (status == LIC_OK)
            return LIC_OK;
        if (status != LIC_ERR_CORRUPT || !r->options->salvage || y == 0) {
            *err = why; /* without a row there is nothing to salvage */
            return status;
        }
        lic_picture_damaged(picture, why.text);
        r->given_up = true;
    }
    fill_row(r, row);
    return LIC_OK;
}

lic_status lic_reader_rows(lic_reader *r, uint32_t n_rows, void *rows, size_t stride_bytes,
                           lic_error *err)
{
    for (uint32_t y = 0; y < n_rows; y++) {
        uint8_t *row = (uint8_t *)rows + y * stride_bytes;
        lic_status status = file_row(r, r->pixels ? r->pixels : row, err);
        if (status == LIC_OK && r->pixels)
            status = settle_alpha(r->options, &r->file, r->pixels, row, err);
        if (status != LIC_OK)
            return status;
    }
    return LIC_OK;
}

/* Reads what follows the rows. When salvaging, damage there costs metadata at most. */
lic_status lic_reader_end(lic_reader *r, lic_error *err)
{
    lic_error why = {0};
    lic_status status =
        r->given_up ? LIC_ERR_CORRUPT : lic_format_run(r->state, r->format->end, &why);
    if (status == LIC_OK)
        return LIC_OK;
    if (status != LIC_ERR_CORRUPT || !r->options->salvage) {
        *err = why;
        return status;
    }
    if (!r->picture->damage[0])
        lic_picture_warn(r->picture, "%s", why.text);
    r->state->status = LIC_OK; /* the library cannot go on, but what it has read is there */
    return lic_format_run(r->state, r->format->salvage, err);
}

/* ---- whole pictures ---- */

lic_status lic_picture_read_source(lic_source *source, const lic_read_options *options,
                                   lic_picture *picture, lic_error *err)
{
    lic_reader *reader;
    lic_status status = lic_reader_open(source, options, picture, &reader, err);
    lic_image *image = &picture->image;
    if (status == LIC_OK)
        status = lic_picture_take_memory(picture, err);
    if (status == LIC_OK)
        status = lic_reader_rows(reader, image->height, image->data, image->stride_bytes, err);
    if (status == LIC_OK)
        status = lic_reader_end(reader, err);
    lic_reader_close(reader);
    return status;
}

lic_status lic_picture_read(const uint8_t *data, size_t bytes, const lic_read_options *options,
                            lic_picture *picture, lic_error *err)
{
    lic_source source = lic_source_memory(data, bytes);
    return lic_picture_read_source(&source, options, picture, err);
}

lic_status lic_picture_flatten(lic_picture *picture, const lic_read_options *options,
                               lic_error *err)
{
    const lic_image from = picture->image;
    lic_picture to = {0};
    if (from.channels % 2 == 1 || options->alpha == LIC_ALPHA_KEEP)
        return LIC_OK;
    lic_status status =
        lic_picture_alloc(&to, from.width, from.height, settled_channels(options, from.channels),
                          from.depth, options, err);
    for (uint32_t y = 0; y < from.height && status == LIC_OK; y++)
        status = settle_alpha(options, &from, (const uint8_t *)from.data + y * from.stride_bytes,
                              (uint8_t *)to.image.data + y * to.image.stride_bytes, err);
    if (status == LIC_OK) {
        free(from.data);
        picture->image = to.image;
        to.image.data = NULL;
    }
    lic_picture_free(&to);
    return status;
}
