/* jpeg_write.c - writes JPEG through libjpeg(-turbo), row by row. */
#include "cli/base/big_endian.h"
#include "cli/base/report.h"
#include "cli/picture/colour.h"
#include "cli/picture/icc.h"
#include "cli/picture/iptc.h"
#include "cli/picture/jpeg.h"
#include "cli/picture/texts.h"

#include <stdlib.h>
#include <string.h>

enum { WRITE_QUALITY = 95 };
enum { MAX_SEGMENT = 65533 };
/* Huffman tables made for the picture save some per cent, but need 2 bytes of memory per sample;
 * used up to this size. */
enum { MOST_OPTIMIZED = 1 << 24 };

struct jpeg_writer {
    lic_format_state base;
    struct jpeg_error_mgr errors;
    struct jpeg_compress_struct out;
    lic_blob resources; /* of Photoshop */
    lic_blob profile;   /* that is made here */
};

/* ---- metadata ---- */

/* Exif, XMP and IPTC have one segment each, with a head before the data; a comment has no head. */
static void write_segment(struct jpeg_writer *w, int marker, lic_meta kind, const char *head,
                          size_t head_bytes, const lic_blob *blob)
{
    if (!blob->data)
        return;
    if (blob->bytes > MAX_SEGMENT - head_bytes) {
        lic_picture_warn(w->base.picture,
                         "%s of %zu bytes does not fit a JPEG file and is left out",
                         lic_picture_meta_names[kind], blob->bytes);
        return;
    }
    jpeg_write_m_header(&w->out, marker, (unsigned)(head_bytes + blob->bytes));
    for (size_t i = 0; i < head_bytes; i++)
        jpeg_write_m_byte(&w->out, head[i]);
    for (size_t i = 0; i < blob->bytes; i++)
        jpeg_write_m_byte(&w->out, blob->data[i]);
}

static void write_iptc(struct jpeg_writer *w)
{
    static const char head[] = LIC_IPTC_HEAD;
    const lic_blob *iptc = &w->base.picture->meta[LIC_META_IPTC];
    if (!iptc->data)
        return;
    w->resources = lic_iptc_wrap(iptc);
    if (!w->resources.data)
        lic_format_stop(&w->base, lic_picture_no_meta_memory(w->base.err));
    write_segment(w, JPEG_APP0 + 13, LIC_META_IPTC, head, sizeof head, &w->resources);
}

/* A JPEG file can have comments, but these have no names. */
static void write_texts(struct jpeg_writer *w)
{
    lic_picture *picture = w->base.picture;
    const lic_blob *texts = &picture->meta[LIC_META_TEXT];
    lic_text text;
    for (size_t at = 0; lic_texts_next(texts, &at, &text);) {
        const lic_blob comment = {texts->data + (text.text - (const char *)texts->data),
                                  strlen(text.text)};
        if (strcmp(text.keyword, LIC_TEXT_COMMENT) == 0)
            write_segment(w, JPEG_COM, LIC_META_TEXT, NULL, 0, &comment);
        else
            lic_picture_note(picture, "text '%.40s' is left out: a JPEG file has comments only",
                             text.keyword);
    }
}

static void write_metadata(struct jpeg_writer *w)
{
    static const char exif[] = LIC_APP1_EXIF_HEAD, xmp[] = LIC_APP1_XMP_HEAD;
    const lic_blob *meta = w->base.picture->meta, *icc = &meta[LIC_META_ICCP];
    write_segment(w, JPEG_APP0 + 1, LIC_META_EXIF, exif, sizeof exif, &meta[LIC_META_EXIF]);
    write_segment(w, JPEG_APP0 + 1, LIC_META_XMP, xmp, sizeof xmp, &meta[LIC_META_XMP]);
    write_iptc(w);
    write_texts(w);
    if (icc->data && icc->bytes <= 255u * (MAX_SEGMENT - 14))
        jpeg_write_icc_profile(&w->out, icc->data, (unsigned)icc->bytes);
    else if (icc->data)
        lic_picture_warn(w->base.picture, "an ICC profile of %zu bytes does not fit a JPEG file",
                         icc->bytes);
}

/* Readers take a JPEG without a profile for sRGB, so what PNG says of other colours becomes a
 * profile. */
static void write_colour(struct jpeg_writer *w)
{
    lic_picture *picture = w->base.picture;
    const lic_blob *blob = &picture->meta[LIC_META_COLOUR];
    lic_colour colour = {0};
    const char *why;
    if (!blob->data || picture->meta[LIC_META_ICCP].data)
        return;
    lic_colour_unpack(blob->data, blob->bytes, &colour);
    if (lic_colour_is_srgb(&colour))
        return;
    w->profile = lic_icc_of_colour(&colour, w->base.channels, &why);
    if (!w->profile.data && !why)
        lic_format_stop(&w->base, lic_picture_no_meta_memory(w->base.err));
    if (why) {
        lic_picture_warn(picture,
                         "a JPEG file cannot say that colours are %s: they will be taken for sRGB",
                         why);
        return;
    }
    jpeg_write_icc_profile(&w->out, w->profile.data, (unsigned)w->profile.bytes);
    lic_picture_note(picture, "an ICC profile is made for the colours, which are %s",
                     lic_colour_what(&colour));
}

/* Whole dots per inch if the file had these, else per centimetre; 16 bits each. */
static void set_resolution(struct jpeg_writer *w)
{
    const lic_blob *phys = &w->base.picture->meta[LIC_META_RESOLUTION];
    if (!phys->data || phys->bytes != 9 || phys->data[8] != 1)
        return;
    const uint64_t x = lic_get_be(phys->data, 4), y = lic_get_be(phys->data + 4, 4);
    const uint64_t dpi_x = (x * 254 + 5000) / 10000, dpi_y = (y * 254 + 5000) / 10000;
    if (!dpi_x || !dpi_y || dpi_x > UINT16_MAX || dpi_y > UINT16_MAX)
        return;
    w->out.density_unit = 1;
    w->out.X_density = (UINT16)dpi_x;
    w->out.Y_density = (UINT16)dpi_y;
}

/* ---- head, rows, end ---- */

static void write_head(void *state)
{
    struct jpeg_writer *w = state;
    const lic_image *image = &w->base.picture->image;
    struct jpeg_compress_struct *out = &w->out;
    if (image->depth != 8)
        lic_format_fail(&w->base, LIC_ERR_UNSUPPORTED, "JPEG has 8 bits only: use --depth=8");
    out->err = lic_jpeg_errors(&w->errors);
    out->client_data = w;
    jpeg_create_compress(out);
    jpeg_stdio_dest(out, w->base.file);
    out->image_width = image->width;
    out->image_height = image->height;
    out->input_components = (int)w->base.channels;
    out->in_color_space = w->base.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(out);
    jpeg_set_quality(out, WRITE_QUALITY, TRUE);
    out->optimize_coding = (uint64_t)image->width * image->height <= MOST_OPTIMIZED;
    out->comp_info[0].h_samp_factor = 1; /* 4:4:4: the picture has been through one codec already */
    out->comp_info[0].v_samp_factor = 1;
    set_resolution(w);
    jpeg_start_compress(out, TRUE);
    write_metadata(w);
    write_colour(w);
}

static void write_row(void *state)
{
    struct jpeg_writer *w = state;
    JSAMPROW row = (JSAMPROW)(uintptr_t)w->base.written; /* libjpeg only reads it */
    jpeg_write_scanlines(&w->out, &row, 1);
}

static void write_end(void *state)
{
    struct jpeg_writer *w = state;
    jpeg_finish_compress(&w->out);
}

static void close_jpeg(void *state)
{
    struct jpeg_writer *w = state;
    jpeg_destroy_compress(&w->out);
    free(w->resources.data);
    free(w->profile.data);
}

const lic_writer_format lic_jpeg_writer = {.name = "JPEG",
                                           .doing = "cannot write JPEG",
                                           .state_bytes = sizeof(struct jpeg_writer),
                                           .open = write_head,
                                           .row = write_row,
                                           .end = write_end,
                                           .close = close_jpeg};
