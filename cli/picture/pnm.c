/* pnm.c - PBM, PGM and PPM, text (P1 to P3) and binary (P4 to P6), by netpbm's definition, row by
 * row. A maximum other than 255 or 65535 is scaled to the next of the two; bits of PBM become black
 * and white of 8 bits. One picture per file. */
#include "cli/base/report.h"
#include "cli/picture/colour.h"
#include "cli/picture/format.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct pnm_reader {
    lic_format_state base;
    size_t samples; /* of a row */
    uint32_t depth, maximum;
    bool text, bits; /* bits: of a PBM, 1 is black */
};

static bool is_space(int c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Skips white space and comments. Returns the first byte after them, or -1 at the end. */
static int skip_space(lic_source *source)
{
    bool comment = false;
    for (;;) {
        const int c = lic_source_get(source);
        if (c < 0 || (!comment && !is_space(c) && c != '#'))
            return c;
        comment = c == '#' || (comment && c != '\n' && c != '\r');
    }
}

/* False if there is no number, or one of more than 9 digits. */
static bool read_number(lic_source *source, uint32_t *number)
{
    int c = skip_space(source), digits = 0;
    for (*number = 0; c >= '0' && c <= '9' && digits < 10; digits++) {
        *number = *number * 10 + (uint32_t)(c - '0');
        c = lic_source_get(source);
    }
    if (c >= 0)
        source->at--; /* that byte is not ours */
    return digits > 0 && digits < 10;
}

/* The fewest bytes that the samples can take. A sample of text is at least one byte, and in a PBM
 * needs no blank. */
static uint64_t least_bytes(const struct pnm_reader *r, uint32_t width, uint32_t height)
{
    if (r->bits && !r->text)
        return ((uint64_t)width + 7) / 8 * height;
    return (uint64_t)r->samples * height * (r->text ? 1 : r->depth / 8);
}

static void open_pnm(void *state)
{
    struct pnm_reader *r = state;
    lic_source *source = r->base.source;
    uint32_t width, height;
    (void)lic_source_get(source); /* 'P', as sniffed */
    const int kind = lic_source_get(source);
    r->bits = kind == '1' || kind == '4';
    r->maximum = 1;
    if (!read_number(source, &width) || !read_number(source, &height) ||
        (!r->bits && !read_number(source, &r->maximum)) || r->maximum < 1 || r->maximum > 65535 ||
        !is_space(lic_source_get(source)))
        lic_format_library_failed(&r->base, "bad header");
    const uint32_t channels = kind == '3' || kind == '6' ? 3 : 1;
    r->text = kind < '4';
    r->depth = r->maximum > 255 ? 16 : 8;
    r->samples = (size_t)width * channels;
    if (width <= LIC_MAX_SIDE && height <= LIC_MAX_SIDE && !r->base.options->salvage &&
        least_bytes(r, width, height) > source->bytes - source->at)
        lic_format_library_failed(&r->base, "the file ends too early");
    lic_format_check(&r->base, lic_picture_set_shape(r->base.picture, width, height, channels,
                                                     r->depth, r->base.options, r->base.err));
}

static _Noreturn void missing(struct pnm_reader *r)
{
    lic_format_library_failed(&r->base, "samples are missing");
}

static void put_scaled(struct pnm_reader *r, size_t i, uint32_t value)
{
    const uint32_t most = r->depth == 16 ? 65535 : 255, maximum = r->maximum;
    if (value > maximum)
        lic_format_fail(&r->base, LIC_ERR_CORRUPT,
                        "damaged PPM: a sample of %" PRIu32 " where %" PRIu32 " is the maximum",
                        value, maximum);
    value = (value * most + maximum / 2) / maximum;
    if (r->depth == 16)
        ((uint16_t *)r->base.row)[i] = (uint16_t)value;
    else
        ((uint8_t *)r->base.row)[i] = (uint8_t)value;
}

static void read_text(struct pnm_reader *r)
{
    for (size_t i = 0; i < r->samples; i++) {
        uint32_t value;
        if (!read_number(r->base.source, &value))
            missing(r);
        put_scaled(r, i, value);
    }
}

static void read_binary(struct pnm_reader *r)
{
    const size_t bytes = r->samples * (r->depth / 8);
    const uint8_t *raw = r->base.row;
    if (lic_source_read(r->base.source, r->base.row, bytes) != bytes)
        missing(r);
    for (size_t i = 0; i < r->samples && r->maximum != 255; i++) /* highest byte first */
        put_scaled(r, i, r->depth == 16 ? (uint32_t)(raw[2 * i] << 8 | raw[2 * i + 1]) : raw[i]);
}

/* A bit as text; the next one may follow without a blank. */
static bool read_bit(lic_source *source, bool *black)
{
    const int c = skip_space(source);
    *black = c == '1';
    return c == '0' || c == '1';
}

static void read_bits(struct pnm_reader *r)
{
    uint8_t *row = r->base.row;
    int byte = 0;
    for (size_t i = 0; i < r->samples; i++) {
        bool black = false;
        if (r->text && !read_bit(r->base.source, &black))
            missing(r);
        if (!r->text && i % 8 == 0 && (byte = lic_source_get(r->base.source)) < 0)
            missing(r);
        if (!r->text)
            black = byte >> (7 - i % 8) & 1;
        row[i] = black ? 0 : 255;
    }
}

static void read_row(void *state)
{
    struct pnm_reader *r = state;
    if (r->bits)
        read_bits(r);
    else if (r->text)
        read_text(r);
    else
        read_binary(r);
}

static void read_end(void *state)
{
    struct pnm_reader *r = state;
    lic_source *source = r->base.source;
    int c;
    do
        c = lic_source_get(source);
    while (is_space(c));
    const int kind = c == 'P' ? lic_source_get(source) : -1;
    if (kind >= '1' && kind <= '7' && lic_source_get(source) >= 0)
        lic_format_fail(&r->base, LIC_ERR_UNSUPPORTED,
                        "holds more than one picture; lic takes single pictures");
}

static bool is_pnm(const uint8_t *head, size_t bytes)
{
    return bytes >= 3 && head[0] == 'P' && head[1] >= '1' && head[1] <= '6';
}

const lic_reader_format lic_pnm_reader_format = {.doing = "damaged PPM",
                                                 .state_bytes = sizeof(struct pnm_reader),
                                                 .is = is_pnm,
                                                 .open = open_pnm,
                                                 .row = read_row,
                                                 .end = read_end};

/* ---- writing ---- */

struct pnm_writer {
    lic_format_state base;
    size_t samples;
    uint8_t *swapped; /* a row of 16 bits, highest byte first; NULL for 8 */
};

static _Noreturn void cannot_write(struct pnm_writer *w)
{
    lic_format_fail(&w->base, LIC_REPORT_ERR_IO, "cannot write the PPM file: %s", strerror(errno));
}

/* A PPM file holds nothing but samples, which are taken for sRGB. */
static void say_what_is_lost(lic_picture *picture)
{
    const lic_blob *blob = &picture->meta[LIC_META_COLOUR];
    lic_colour colour = {0};
    for (int i = 0; i < LIC_N_META; i++)
        if (picture->meta[i].data && i <= LIC_META_IPTC)
            lic_picture_warn(picture, "metadata is left out: a PPM file cannot hold it");
        else if (picture->meta[i].data)
            lic_picture_note(picture, "%s is left out: a PPM file cannot hold it",
                             lic_picture_meta_names[i]);
    if (blob->data)
        lic_colour_unpack(blob->data, blob->bytes, &colour);
    if (!lic_colour_is_srgb(&colour))
        lic_picture_warn(picture,
                         "a PPM file cannot say that colours are %s: they will be taken for sRGB",
                         lic_colour_what(&colour));
    if (lic_picture_orientation(picture) != 1)
        lic_picture_warn(picture, "a PPM file cannot say that the picture is to be turned");
}

static void write_head(void *state)
{
    struct pnm_writer *w = state;
    const lic_image *image = &w->base.picture->image;
    w->samples = (size_t)image->width * w->base.channels;
    w->swapped = image->depth == 16 ? malloc(2 * w->samples) : NULL;
    if (image->depth == 16 && !w->swapped)
        lic_format_fail(&w->base, LIC_ERR_MEMORY, "no memory for a row");
    say_what_is_lost(w->base.picture);
    if (fprintf(w->base.file, "P%c\n%" PRIu32 " %" PRIu32 "\n%d\n",
                w->base.channels == 1 ? '5' : '6', image->width, image->height,
                image->depth == 16 ? 65535 : 255) <= 0)
        cannot_write(w);
}

static void write_row(void *state)
{
    struct pnm_writer *w = state;
    const uint16_t *wide = w->base.written;
    for (size_t i = 0; w->swapped && i < w->samples; i++) {
        w->swapped[2 * i] = (uint8_t)(wide[i] >> 8);
        w->swapped[2 * i + 1] = (uint8_t)wide[i];
    }
    const size_t bytes = w->swapped ? 2 * w->samples : w->samples;
    if (fwrite(w->swapped ? w->swapped : w->base.written, 1, bytes, w->base.file) != bytes)
        cannot_write(w);
}

static void close_writer(void *state)
{
    struct pnm_writer *w = state;
    free(w->swapped);
}

const lic_writer_format lic_pnm_writer = {.name = "PPM",
                                          .doing = "cannot write PPM",
                                          .state_bytes = sizeof(struct pnm_writer),
                                          .open = write_head,
                                          .row = write_row,
                                          .close = close_writer};
