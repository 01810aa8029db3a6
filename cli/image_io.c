/* image_io.c - see image_io.h: what all formats share. Recognises a file, checks limits, keeps
 * metadata, and removes alpha, which the networks do not know. */
#include "cli/image_io.h"

#include "cli/report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *const lic_picture_meta_names[LIC_N_META] = {"icc", "exif", "xmp"};
const char lic_picture_meta_chunks[LIC_N_META][5] = {"iccp", "exif", "xmp "};

/* ---- what is it? ---- */

struct signature {
    const char *name;
    size_t at, bytes;
    const char *magic;
};

static const struct signature known[] = {
    {"PNG", 0, 8, "\x89PNG\r\n\x1a\n"},
    {"JPEG", 0, 3, "\xff\xd8\xff"},
    {"GIF", 0, 4, "GIF8"},
    {"WebP", 8, 4, "WEBP"},
    {"TIFF", 0, 4, "II*\0"},
    {"TIFF", 0, 4, "MM\0*"},
    {"AVIF", 4, 8, "ftypavif"},
    {"HEIC", 4, 7, "ftyphei"},
    {"JPEG XL", 0, 2, "\xff\x0a"},
    {"JPEG XL", 4, 4, "JXL "},
    {"JPEG 2000", 4, 4, "jP  "},
    {"BMP", 0, 2, "BM"},
    {"PDF", 0, 4, "%PDF"},
    {"PAM", 0, 3, "P7\n"},
};

static const char *name_of_content(const uint8_t *data, size_t bytes)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (bytes >= known[i].at + known[i].bytes &&
            memcmp(data + known[i].at, known[i].magic, known[i].bytes) == 0)
            return known[i].name;
    return NULL;
}

lic_picture_format lic_picture_sniff(const uint8_t *data, size_t bytes)
{
    const char *name = name_of_content(data, bytes);
    if (name)
        return !strcmp(name, "PNG")    ? LIC_FORMAT_PNG
               : !strcmp(name, "JPEG") ? LIC_FORMAT_JPEG
                                       : LIC_FORMAT_NONE;
    bool pnm = bytes >= 3 && data[0] == 'P' && data[1] >= '1' && data[1] <= '6';
    return pnm ? LIC_FORMAT_PPM : LIC_FORMAT_NONE;
}

lic_picture_format lic_picture_format_of_name(const char *path)
{
    static const struct {
        const char *suffix;
        lic_picture_format format;
    } suffixes[] = {{".png", LIC_FORMAT_PNG}, {".jpg", LIC_FORMAT_JPEG}, {".jpeg", LIC_FORMAT_JPEG},
                    {".ppm", LIC_FORMAT_PPM}, {".pgm", LIC_FORMAT_PPM},  {".pnm", LIC_FORMAT_PPM}};
    size_t n = strlen(path);
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        size_t k = strlen(suffixes[i].suffix);
        if (n > k && strcasecmp(path + n - k, suffixes[i].suffix) == 0)
            return suffixes[i].format;
    }
    return LIC_FORMAT_NONE;
}

/* ---- parts of a picture ---- */

lic_status lic_picture_check_size(uint64_t width, uint64_t height, const lic_read_options *options,
                                  lic_error *err)
{
    if (width < 1 || height < 1 || width > LIC_MAX_SIDE || height > LIC_MAX_SIDE)
        return lic_report_fail(err, LIC_ERR_LIMIT,
                               "%" PRIu64 "x%" PRIu64 ": sides must be from 1 to %d pixels", width,
                               height, LIC_MAX_SIDE);
    if (width * height > options->max_pixels)
        return lic_report_fail(err, LIC_ERR_LIMIT,
                               "%" PRIu64 "x%" PRIu64 " is more than --max-pixels=%" PRIu64, width,
                               height, options->max_pixels);
    return LIC_OK;
}

lic_status lic_picture_alloc(lic_picture *picture, uint64_t width, uint64_t height,
                             uint32_t channels, uint32_t depth, const lic_read_options *options,
                             lic_error *err)
{
    const lic_status status = lic_picture_check_size(width, height, options, err);
    if (status != LIC_OK)
        return status;
    size_t stride = (size_t)(width * channels * depth / 8);
    void *data = height > SIZE_MAX / stride ? NULL : malloc(stride * (size_t)height);
    if (!data)
        return lic_report_fail(err, LIC_ERR_MEMORY, "no memory for %" PRIu64 "x%" PRIu64 " pixels",
                               width, height);
    picture->image = (lic_image){.data = data,
                                 .stride_bytes = stride,
                                 .width = (uint32_t)width,
                                 .height = (uint32_t)height,
                                 .channels = channels,
                                 .depth = depth};
    return LIC_OK;
}

void lic_picture_free(lic_picture *picture)
{
    free(picture->image.data);
    for (int i = 0; i < LIC_N_META; i++)
        free(picture->meta[i].data);
    *picture = (lic_picture){0};
}

lic_status lic_picture_add_meta(lic_picture *picture, lic_meta kind, const void *data, size_t bytes,
                                const lic_read_options *options, lic_error *err)
{
    lic_blob *blob = &picture->meta[kind];
    if (!(options->metadata >> kind & 1) || blob->data || bytes == 0)
        return LIC_OK;
    uint8_t *copy = bytes == SIZE_MAX ? NULL : malloc(bytes + 1);
    if (!copy)
        return lic_report_fail(err, LIC_ERR_MEMORY, "no memory for metadata");
    memcpy(copy, data, bytes);
    copy[bytes] = 0;
    *blob = (lic_blob){copy, bytes};
    return LIC_OK;
}

void lic_picture_warn(lic_picture *picture, const char *format, ...)
{
    va_list args;
    if (picture->warning[0])
        return;
    va_start(args, format);
    vsnprintf(picture->warning, sizeof picture->warning, format, args);
    va_end(args);
}

/* ---- alpha ---- */

static uint32_t sample(const lic_image *image, size_t i)
{
    return image->depth == 16 ? ((const uint16_t *)image->data)[i]
                              : ((const uint8_t *)image->data)[i];
}

static void set_sample(lic_image *image, size_t i, uint32_t value)
{
    if (image->depth == 16)
        ((uint16_t *)image->data)[i] = (uint16_t)value;
    else
        ((uint8_t *)image->data)[i] = (uint8_t)value;
}

static bool is_opaque(const lic_image *image)
{
    size_t pixels = (size_t)image->width * image->height;
    uint32_t most = (1u << image->depth) - 1;
    for (size_t i = 0; i < pixels; i++)
        if (sample(image, i * image->channels + image->channels - 1) != most)
            return false;
    return true;
}

/* to = from without alpha; over the background if blending. Values are mixed as they are stored, as
 * viewers do; rows have no gaps. to may have more colour channels than from (grey over a colour).
 */
static void flatten(const lic_image *from, lic_image *to, bool blend, const uint8_t *background)
{
    size_t pixels = (size_t)from->width * from->height;
    uint32_t most = (1u << from->depth) - 1, colours = from->channels - 1;
    for (size_t i = 0; i < pixels; i++) {
        uint64_t alpha = blend ? sample(from, i * from->channels + colours) : most;
        for (uint32_t c = 0; c < to->channels; c++) {
            uint64_t over = sample(from, i * from->channels + (c < colours ? c : 0));
            uint64_t under = (uint64_t)background[c] * (most / 255);
            uint64_t mixed = (over * alpha + under * (most - alpha) + most / 2) / most;
            set_sample(to, i * to->channels + c, (uint32_t)mixed);
        }
    }
}

static lic_status remove_alpha(lic_picture *picture, const lic_read_options *options,
                               lic_error *err)
{
    lic_image from = picture->image;
    const uint8_t *background = options->background;
    bool opaque = is_opaque(&from);
    if (!opaque && options->alpha == LIC_ALPHA_REFUSE)
        return lic_report_fail(err, LIC_ERR_UNSUPPORTED,
                               "has transparency, which would be lost: choose --alpha=drop or "
                               "--alpha=blend=RRGGBB");
    bool blend = !opaque && options->alpha == LIC_ALPHA_BLEND;
    bool coloured = background[0] != background[1] || background[0] != background[2];
    uint32_t channels = from.channels == 4 || (blend && coloured) ? 3 : 1;
    lic_status status =
        lic_picture_alloc(picture, from.width, from.height, channels, from.depth, options, err);
    if (status != LIC_OK)
        return status; /* picture still owns the old pixels */
    flatten(&from, &picture->image, blend, background);
    free(from.data);
    return LIC_OK;
}

/* ---- whole files ---- */

lic_status lic_picture_read(const uint8_t *data, size_t bytes, const lic_read_options *options,
                            lic_picture *picture, lic_error *err)
{
    lic_status status;
    *picture = (lic_picture){0};
    switch (lic_picture_sniff(data, bytes)) {
    case LIC_FORMAT_PNG:
        status = lic_png_read(data, bytes, options, picture, err);
        break;
    case LIC_FORMAT_JPEG:
        status = lic_jpeg_read(data, bytes, options, picture, err);
        break;
    case LIC_FORMAT_PPM:
        status = lic_pnm_read(data, bytes, options, picture, err);
        break;
    default: {
        const char *name = name_of_content(data, bytes);
        return lic_report_fail(err, LIC_ERR_UNSUPPORTED,
                               "%s%s%s; PNG, JPEG, PPM and PGM can be read",
                               name ? "is a " : "is not a picture that lic knows", name ? name : "",
                               name ? " file" : "");
    }
    }
    if (status == LIC_OK && picture->image.channels % 2 == 0)
        status = remove_alpha(picture, options, err);
    return status;
}

lic_status lic_picture_write(FILE *file, lic_picture_format format, lic_picture *picture,
                             lic_error *err)
{
    switch (format) {
    case LIC_FORMAT_PNG:
        return lic_png_write(file, picture, err);
    case LIC_FORMAT_JPEG:
        return lic_jpeg_write(file, picture, err);
    case LIC_FORMAT_PPM:
        return lic_pnm_write(file, picture, err);
    default:
        return lic_report_fail(err, LIC_ERR_ARGUMENT, "no format chosen");
    }
}
