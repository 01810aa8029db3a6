/* reader.c - lic_reader: finds the format, and takes alpha out of the rows, which the networks do
 * not know. */
#include "cli/base/report.h"
#include "cli/picture/blend.h"
#include "cli/picture/format.h"

#include <stdlib.h>
#include <string.h>

struct lic_reader {
    const lic_reader_format *format;
    void *state;
    const lic_read_options *options;
    lic_picture *picture;
    uint64_t memory;
    uint32_t colours;                          /* of the file, alpha not counted */
    bool has_alpha;                            /* then the following are there */
    uint8_t *block, *pixels, *without, *alpha; /* a row: as in the file, its colours, its alpha */
    lic_alpha_packer *packer;
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

/* Rows and what else alpha takes; the picture's shape is from here on that without alpha. */
static lic_status prepare_alpha(lic_reader *r, lic_error *err)
{
    lic_image *image = &r->picture->image;
    const lic_read_options *o = r->options;
    r->has_alpha = image->channels % 2 == 0;
    r->colours = image->channels - r->has_alpha;
    image->channels = r->colours;
    if (!r->has_alpha)
        return LIC_OK;
    if (o->alpha == LIC_ALPHA_BLEND)
        image->channels = lic_blend_channels(r->colours, o->background);
    /* Four samples for the file's row, three and one for its parts. */
    r->block = calloc(8, lic_image_row_bytes(image, 1));
    const uint64_t plane = lic_alpha_bytes(image->width, image->height, image->depth);
    if (o->alpha == LIC_ALPHA_KEEP) {
        r->packer = lic_alpha_packer_new(image->width, image->depth);
        r->memory += plane; /* noise, which does not pack */
    }
    if (!r->block || (o->alpha == LIC_ALPHA_KEEP && !r->packer))
        return lic_report_fail(err, LIC_ERR_MEMORY, "no memory for a row of alpha");
    if (o->alpha == LIC_ALPHA_KEEP && plane > UINT32_MAX)
        return lic_report_fail(err, LIC_ERR_LIMIT,
                               "has more alpha than a .lic file can keep: choose --alpha=drop or "
                               "--alpha=blend=RRGGBB");
    r->pixels = r->block;
    r->without = r->pixels + lic_image_row_bytes(image, 4);
    r->alpha = r->without + lic_image_row_bytes(image, 3);
    return LIC_OK;
}

static lic_status open_format(lic_reader *r, lic_source *source, lic_error *err)
{
    uint8_t head[16];
    const size_t bytes = lic_source_read(source, head, sizeof head);
    source->at = 0;
    r->format = lic_formats[lic_picture_sniff(head, bytes)].reader;
    if (!r->format)
        return unknown_format(head, bytes, err);
    lic_status status = r->format->open(source, r->options, r->picture, &r->state, &r->memory, err);
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
    if (reader->format)
        reader->format->close(reader->state);
    lic_alpha_packer_free(reader->packer);
    free(reader->block);
    free(reader);
}

/* ---- rows ---- */

static lic_status would_be_lost(lic_error *err)
{
    return lic_report_fail(err, LIC_ERR_UNSUPPORTED,
                           "has transparency, which would be lost: choose --alpha=drop or "
                           "--alpha=blend=RRGGBB");
}

static lic_status take_alpha(lic_reader *r, void *row, lic_error *err)
{
    const lic_image *image = &r->picture->image;
    const lic_read_options *o = r->options;
    const bool blend = o->alpha == LIC_ALPHA_BLEND;
    lic_blend_split(r->pixels, image->width, r->colours, image->depth, blend ? r->without : row,
                    r->alpha);
    if (blend)
        lic_blend_over(r->without, r->alpha, image->width, r->colours, image->depth, o->background,
                       image->channels, row);
    else if (o->alpha == LIC_ALPHA_REFUSE &&
             !lic_blend_is_opaque(r->alpha, image->width, image->depth))
        return would_be_lost(err);
    else if (r->packer && !lic_alpha_pack_row(r->packer, r->alpha))
        return lic_report_fail(err, LIC_ERR_MEMORY, "no memory for alpha");
    return LIC_OK;
}

/* A missing row becomes middle grey, opaque. */
static void fill_row(const lic_reader *r, uint8_t *row)
{
    const lic_image *image = &r->picture->image;
    const uint32_t channels = r->colours + r->has_alpha;
    memset(row, 0x80, lic_image_row_bytes(image, channels));
    const size_t bytes = image->depth / 8;
    for (uint32_t x = 0; x < image->width && r->has_alpha; x++)
        memset(row + ((size_t)x * channels + r->colours) * bytes, 0xFF, bytes);
}

/* The file's next row; when salvaging, what a damaged file does not have is filled up. Errors that
 * are got over leave nothing in *err. */
static lic_status file_row(lic_reader *r, uint8_t *row, lic_error *err)
{
    lic_picture *picture = r->picture;
    lic_error why = {0};
    const uint32_t y = r->next_row++;
    if (!r->given_up) {
        const lic_status status = r->format->row(r->state, row, &why);
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
        lic_status status = file_row(r, r->has_alpha ? r->pixels : row, err);
        if (status == LIC_OK && r->has_alpha)
            status = take_alpha(r, row, err);
        if (status != LIC_OK)
            return status;
    }
    return LIC_OK;
}

/* Reads what follows the rows. When salvaging, damage there costs metadata at most. */
static lic_status file_end(lic_reader *r, lic_error *err)
{
    lic_error why = {0};
    lic_status status = r->given_up ? LIC_ERR_CORRUPT : r->format->end(r->state, &why);
    if (status == LIC_OK)
        return LIC_OK;
    if (status != LIC_ERR_CORRUPT || !r->options->salvage) {
        *err = why;
        return status;
    }
    if (!r->picture->damage[0])
        lic_picture_warn(r->picture, "%s", why.text);
    return r->format->salvage ? r->format->salvage(r->state, err) : LIC_OK;
}

lic_status lic_reader_end(lic_reader *r, lic_error *err)
{
    const lic_status status = file_end(r, err);
    if (status == LIC_OK && r->packer && !lic_alpha_pack_end(r->packer, &r->picture->alpha))
        return lic_report_fail(err, LIC_ERR_MEMORY, "no memory for alpha");
    return status;
}

/* ---- whole pictures ---- */

/* A row of an image that has its colours in memory and its alpha packed. */
static lic_status flatten_row(const lic_read_options *o, const lic_image *from, uint32_t y,
                              const void *alpha, lic_image *to, lic_error *err)
{
    const uint8_t *row = (const uint8_t *)from->data + y * from->stride_bytes;
    if (o->alpha == LIC_ALPHA_BLEND)
        lic_blend_over(row, alpha, from->width, from->channels, from->depth, o->background,
                       to->channels, (uint8_t *)to->data + y * to->stride_bytes);
    else if (!lic_blend_is_opaque(alpha, from->width, from->depth))
        return would_be_lost(err);
    return LIC_OK;
}

static lic_status flatten(const lic_picture *picture, const lic_read_options *options,
                          lic_picture *to, lic_error *err)
{
    const lic_image *from = &picture->image;
    lic_alpha_unpacker *unpacker = lic_alpha_unpacker_new(&picture->alpha, from->width);
    void *alpha = malloc(lic_image_row_bytes(from, 1));
    lic_status status = LIC_OK;
    if (!unpacker || !alpha)
        status = lic_report_fail(err, LIC_ERR_MEMORY, "no memory for a row of alpha");
    for (uint32_t y = 0; y < from->height && status == LIC_OK; y++) {
        status = lic_alpha_unpack_row(unpacker, alpha, err);
        if (status == LIC_OK)
            status = flatten_row(options, from, y, alpha, &to->image, err);
    }
    lic_alpha_unpacker_free(unpacker);
    free(alpha);
    return status;
}

lic_status lic_picture_flatten(lic_picture *picture, const lic_read_options *options,
                               lic_error *err)
{
    const lic_image *from = &picture->image;
    lic_picture to = {0};
    lic_status status = LIC_OK;
    if (!picture->alpha.data || options->alpha == LIC_ALPHA_DROP)
        return LIC_OK;
    if (options->alpha == LIC_ALPHA_BLEND)
        status = lic_picture_alloc(&to, from->width, from->height,
                                   lic_blend_channels(from->channels, options->background),
                                   from->depth, options, err);
    if (status == LIC_OK)
        status = flatten(picture, options, &to, err);
    if (status == LIC_OK && to.image.data) {
        free(picture->image.data);
        picture->image = to.image;
        to.image.data = NULL;
    }
    lic_picture_free(&to);
    return status;
}
