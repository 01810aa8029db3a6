/* image_io.c - see image_io.h: what all formats share. Checks limits, keeps warnings, reads and
 * writes whole pictures. */
#include "cli/picture/image_io.h"

#include "cli/base/files.h"
#include "cli/base/report.h"
#include "cli/picture/format.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---- parts of a picture ---- */

lic_status lic_picture_check_pixels(uint64_t width, uint64_t height,
                                    const lic_read_options *options, lic_error *err)
{
    if (width * height <= options->max_pixels)
        return LIC_OK;
    return lic_report_fail(err, LIC_ERR_LIMIT,
                           "%" PRIu64 "x%" PRIu64 " is more than --max-pixels=%" PRIu64, width,
                           height, options->max_pixels);
}

lic_status lic_picture_set_shape(lic_picture *picture, uint64_t width, uint64_t height,
                                 uint32_t channels, uint32_t depth, const lic_read_options *options,
                                 lic_error *err)
{
    if (width < 1 || height < 1 || width > LIC_MAX_SIDE || height > LIC_MAX_SIDE)
        return lic_report_fail(err, LIC_ERR_LIMIT,
                               "%" PRIu64 "x%" PRIu64 ": sides must be from 1 to %d pixels", width,
                               height, LIC_MAX_SIDE);
    const lic_status status = lic_picture_check_pixels(width, height, options, err);
    if (status == LIC_OK)
        picture->image = (lic_image){.width = (uint32_t)width,
                                     .height = (uint32_t)height,
                                     .channels = channels,
                                     .depth = depth};
    return status;
}

lic_status lic_picture_check_memory(const char *what, uint64_t bytes,
                                    const lic_read_options *options, lic_error *err)
{
    const uint64_t most = options->max_memory ? options->max_memory : LIC_READ_MEMORY;
    if (bytes <= most)
        return LIC_OK;
    return lic_report_fail(
        err, LIC_ERR_LIMIT, "is %s, which takes %" PRIu64 " bytes of memory, more than %s=%" PRIu64,
        what, bytes, options->max_memory ? "--max-memory" : "the default of --max-memory", most);
}

lic_status lic_picture_take_memory(lic_picture *picture, lic_error *err)
{
    lic_image *image = &picture->image;
    image->stride_bytes = lic_image_row_bytes(image, image->channels);
    if (image->height <= SIZE_MAX / image->stride_bytes)
        image->data = malloc(image->stride_bytes * image->height);
    return image->data ? LIC_OK
                       : lic_report_fail(err, LIC_ERR_MEMORY,
                                         "no memory for %" PRIu32 "x%" PRIu32 " pixels",
                                         image->width, image->height);
}

lic_status lic_picture_alloc(lic_picture *picture, uint64_t width, uint64_t height,
                             uint32_t channels, uint32_t depth, const lic_read_options *options,
                             lic_error *err)
{
    const lic_status status =
        lic_picture_set_shape(picture, width, height, channels, depth, options, err);
    return status == LIC_OK ? lic_picture_take_memory(picture, err) : status;
}

void lic_picture_free(lic_picture *picture)
{
    free(picture->image.data);
    for (int i = 0; i < LIC_N_META; i++)
        free(picture->meta[i].data);
    *picture = (lic_picture){0};
}

/* ---- what is to be said ---- */

/* Appends a line, unless it is there already or there is no room. */
__attribute__((format(printf, 3, 0))) static void put_line(char *lines, size_t size,
                                                           const char *format, va_list args)
{
    char line[200];
    const size_t used = strlen(lines);
    const int n = vsnprintf(line, sizeof line, format, args);
    if (n < 0 || used + strlen(line) + 2 > size || strstr(lines, line))
        return;
    for (char *c = line; *c; c++) /* of a text in the file */
        *c = *c == '\n' ? ' ' : *c;
    snprintf(lines + used, size - used, "%s%s", used ? "\n" : "", line);
}

void lic_picture_warn(lic_picture *picture, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    put_line(picture->warning, sizeof picture->warning, format, args);
    va_end(args);
}

void lic_picture_note(lic_picture *picture, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    put_line(picture->note, sizeof picture->note, format, args);
    va_end(args);
}

void lic_picture_damaged(lic_picture *picture, const char *text)
{
    if (!picture->damage[0])
        snprintf(picture->damage, sizeof picture->damage, "%s", text);
}

void lic_picture_say(const lic_picture *picture, const char *path)
{
    const char *const texts[] = {picture->warning, picture->note};
    for (int i = 0; i < 2; i++)
        for (const char *at = texts[i]; *at; at += strspn(at, "\n")) {
            const int n = (int)strcspn(at, "\n");
            if (i == 0)
                lic_report_warning(path, "%.*s", n, at);
            else
                lic_report_note(1, path, "%.*s", n, at);
            at += n;
        }
}
