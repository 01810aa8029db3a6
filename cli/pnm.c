/* pnm.c - PGM and PPM, text (P2, P3) and binary (P5, P6), by netpbm's definition. A maximum other
 * than 255 or 65535 is scaled to the next of the two. One picture per file. */
#include "cli/image_io.h"
#include "cli/report.h"

#include <inttypes.h>
#include <string.h>

struct reader {
    const uint8_t *at, *end;
};

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Skips white space and comments, then reads a number; false if there is none, or one past 9
 * digits. */
static bool read_number(struct reader *r, uint32_t *number)
{
    bool comment = false;
    while (r->at < r->end && (comment || is_space(*r->at) || *r->at == '#')) {
        comment = *r->at == '#' || (comment && *r->at != '\n' && *r->at != '\r');
        r->at++;
    }
    const uint8_t *start = r->at;
    *number = 0;
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9' && r->at - start < 10)
        *number = *number * 10 + (uint32_t)(*r->at++ - '0');
    return r->at > start && r->at - start < 10;
}

static bool next_sample(struct reader *r, bool text, uint32_t maximum, uint32_t *value)
{
    if (text)
        return read_number(r, value);
    size_t bytes = maximum > 255 ? 2 : 1;
    if ((size_t)(r->end - r->at) < bytes)
        return false;
    *value = bytes == 2 ? (uint32_t)(r->at[0] << 8 | r->at[1]) : r->at[0];
    r->at += bytes;
    return true;
}

static lic_status read_samples(struct reader *r, bool text, uint32_t maximum, lic_image *image,
                               lic_error *err)
{
    size_t n = (size_t)image->width * image->height * image->channels;
    uint32_t most = image->depth == 16 ? 65535 : 255;
    for (size_t i = 0; i < n; i++) {
        uint32_t value;
        if (!next_sample(r, text, maximum, &value))
            return lic_report_fail(err, LIC_ERR_CORRUPT, "damaged PPM: samples are missing");
        if (value > maximum)
            return lic_report_fail(err, LIC_ERR_CORRUPT,
                                   "damaged PPM: a sample of %" PRIu32 " where %" PRIu32
                                   " is the maximum",
                                   value, maximum);
        value = (value * most + maximum / 2) / maximum;
        if (image->depth == 16)
            ((uint16_t *)image->data)[i] = (uint16_t)value;
        else
            ((uint8_t *)image->data)[i] = (uint8_t)value;
    }
    return LIC_OK;
}

lic_status lic_pnm_read(const uint8_t *data, size_t bytes, const lic_read_options *options,
                        lic_picture *picture, lic_error *err)
{
    struct reader r = {data + 2, data + bytes};
    uint32_t width, height, maximum;
    char kind = (char)data[1];
    if (kind == '1' || kind == '4')
        return lic_report_fail(err, LIC_ERR_UNSUPPORTED,
                               "is a PBM file (1 bit); convert it to PGM");
    if (!read_number(&r, &width) || !read_number(&r, &height) || !read_number(&r, &maximum) ||
        maximum < 1 || maximum > 65535 || r.at == r.end || !is_space(*r.at))
        return lic_report_fail(err, LIC_ERR_CORRUPT, "damaged PPM: bad header");
    r.at++;
    uint32_t channels = kind == '3' || kind == '6' ? 3 : 1;
    bool text = kind < '4';
    /* Before memory is taken: a text sample is a byte at least, too. */
    uint64_t least = (uint64_t)width * height * channels * (maximum > 255 && !text ? 2 : 1);
    if (width <= LIC_MAX_SIDE && height <= LIC_MAX_SIDE && least > (uint64_t)(r.end - r.at))
        return lic_report_fail(err, LIC_ERR_CORRUPT, "damaged PPM: the file ends too early");
    lic_status status =
        lic_picture_alloc(picture, width, height, channels, maximum > 255 ? 16 : 8, options, err);
    if (status == LIC_OK)
        status = read_samples(&r, text, maximum, &picture->image, err);
    while (r.at < r.end && is_space(*r.at))
        r.at++;
    if (status == LIC_OK && r.end - r.at > 2 && r.at[0] == 'P' && r.at[1] >= '1' && r.at[1] <= '7')
        return lic_report_fail(err, LIC_ERR_UNSUPPORTED,
                               "holds more than one picture; lic takes single pictures");
    return status;
}

/* ---- writing ---- */

static bool write_row(FILE *file, const lic_image *image, const uint8_t *row)
{
    size_t n = (size_t)image->width * image->channels;
    if (image->depth == 8)
        return fwrite(row, 1, n, file) == n;
    for (size_t i = 0; i < n; i++) {
        uint16_t value = ((const uint16_t *)(const void *)row)[i];
        if (putc(value >> 8, file) == EOF || putc(value & 255, file) == EOF)
            return false;
    }
    return true;
}

lic_status lic_pnm_write(FILE *file, lic_picture *picture, lic_error *err)
{
    const lic_image *image = &picture->image;
    bool ok = fprintf(file, "P%c\n%" PRIu32 " %" PRIu32 "\n%d\n", image->channels == 1 ? '5' : '6',
                      image->width, image->height, image->depth == 16 ? 65535 : 255) > 0;
    for (uint32_t y = 0; ok && y < image->height; y++)
        ok = write_row(file, image, (const uint8_t *)image->data + y * image->stride_bytes);
    if (!ok)
        return lic_report_fail(err, LIC_REPORT_ERR_IO, "cannot write the PPM file");
    for (int i = 0; i < LIC_N_META; i++)
        if (picture->meta[i].data)
            lic_picture_warn(picture, "metadata is left out: a PPM file cannot hold it");
    return LIC_OK;
}
