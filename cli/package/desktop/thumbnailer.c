/* thumbnailer.c - lic-thumbnailer SIZE IN OUT: writes a PNG of at most SIZE x SIZE pixels of a .lic
 * file, turned as its EXIF says, with its ICC profile. Desktops call it through lic.thumbnailer. */
#include "cli/base/files.h"
#include "cli/base/report.h"
#include "cli/options/read_value.h"
#include "cli/package/desktop/orientation.h"
#include "cli/package/desktop/shrink.h"
#include "cli/package/desktop/view.h"
#include "cli/picture/image_io.h"

#include <stdlib.h>

enum { MAX_SIZE = 4096 };

/* The view's pixels, turned for display. */
static lic_status decode(const lic_view *view, uint32_t width, uint32_t height, uint8_t *turned,
                         lic_error *err)
{
    const size_t row_bytes = (size_t)width * view->channels;
    uint8_t *stored = malloc(row_bytes * height);
    if (!stored)
        return lic_report_fail(err, LIC_ERR_MEMORY, "out of memory");
    const lic_status status = lic_view_decode(view, width, height, stored, row_bytes, err);
    if (status == LIC_OK)
        lic_orientation_apply(view->orientation, stored, width, height, view->channels, turned);
    free(stored);
    return status;
}

static lic_status make_picture(const lic_view *view, uint32_t size, lic_picture *picture,
                               lic_error *err)
{
    const lic_read_options keep = {.max_pixels = lic_view_of_thumbnail.pixels,
                                   .metadata = 1 << LIC_META_ICCP | 1 << LIC_META_COLOUR,
                                   .alpha = LIC_ALPHA_KEEP};
    uint32_t width, height;
    lic_shrink_fit(view->info.width, view->info.height, size, &width, &height);
    const int swap = lic_orientation_swaps(view->orientation);
    lic_status status = lic_picture_alloc(picture, swap ? height : width, swap ? width : height,
                                          view->channels, 8, &keep, err);
    if (status == LIC_OK)
        status = decode(view, width, height, picture->image.data, err);
    /* Damaged colour data counts as none. */
    for (size_t i = 0; i < view->info.n_chunks && status == LIC_OK; i++) {
        lic_error ignored;
        (void)lic_picture_add_chunk(picture, &view->info.chunks[i], &keep, &ignored);
    }
    return status;
}

static lic_status write_picture(lic_picture *picture, const char *path, lic_error *err)
{
    lic_output out;
    lic_status status = lic_output_open(&out, path, true, err);
    if (status != LIC_OK)
        return status;
    status = lic_picture_write(out.stream, LIC_FORMAT_PNG, picture, err);
    if (status == LIC_OK)
        return lic_output_commit(&out, err);
    lic_output_abort(&out);
    return status;
}

int main(int argc, char **argv)
{
    long size;
    lic_file_data file = {0};
    lic_picture picture = {0};
    lic_view view = {0};
    lic_error err = {0};
    lic_file_keep_standard();
    lic_report_init(0, false);
    if (argc != 4 || !lic_read_whole(argv[1], 1, MAX_SIZE, &size))
        return lic_report_exit(LIC_EXIT_USAGE, NULL,
                               "lic-thumbnailer SIZE IN.lic OUT.png, SIZE from 1 to 4096");
    lic_output_catch_signals();
    lic_status status = lic_file_read_stream(argv[2], lic_view_of_thumbnail.bytes, &file, &err);
    if (status == LIC_OK)
        status = lic_view_open(&view, &lic_view_of_thumbnail, file.data, file.bytes, &err);
    if (status == LIC_OK)
        status = make_picture(&view, (uint32_t)size, &picture, &err);
    if (status == LIC_OK)
        status = write_picture(&picture, argv[3], &err);
    if (status != LIC_OK)
        lic_report_error(argv[2], "%s", err.text);
    lic_picture_free(&picture);
    lic_view_close(&view);
    lic_file_free(&file);
    return lic_report_exit_code(status);
}
