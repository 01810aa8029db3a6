/* png_errors.c - see png_errors.h. */
#include "cli/png_errors.h"

#include "cli/image_format.h"
#include "cli/report.h"

static _Noreturn void on_error(png_structp png, png_const_charp text)
{
    lic_guard_fail(png_get_error_ptr(png), text);
}

static void on_warning(png_structp png, png_const_charp text)
{
    const lic_guard *guard = png_get_error_ptr(png);
    lic_picture_warn(guard->picture, "PNG: %s", text);
}

static _Noreturn void no_memory(lic_guard *guard)
{
    lic_guard_stop(guard, lic_report_fail(guard->err, LIC_ERR_MEMORY, "no memory for libpng"));
}

png_structp lic_png_create(lic_guard *guard, bool writing)
{
    png_structp png =
        writing ? png_create_write_struct(PNG_LIBPNG_VER_STRING, guard, on_error, on_warning)
                : png_create_read_struct(PNG_LIBPNG_VER_STRING, guard, on_error, on_warning);
    if (!png)
        no_memory(guard);
    return png;
}

png_infop lic_png_create_info(lic_guard *guard, png_structp png)
{
    png_infop info = png_create_info_struct(png);
    if (!info)
        no_memory(guard);
    return info;
}

void lic_png_native_order(png_structp png)
{
    const uint16_t one = 1;
    if (*(const uint8_t *)&one)
        png_set_swap(png);
}
