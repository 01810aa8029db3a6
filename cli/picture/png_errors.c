/* png_errors.c - see png_errors.h. */
#include "cli/picture/png_errors.h"

#include "cli/base/report.h"
#include "cli/picture/format.h"

#include <stdlib.h>

static _Noreturn void on_error(png_structp png, png_const_charp text)
{
    lic_guard_fail(png_get_error_ptr(png), text);
}

static void on_warning(png_structp png, png_const_charp text)
{
    const lic_guard *guard = png_get_error_ptr(png);
    lic_picture_warn(guard->picture, "PNG: %s", text);
}

/* If memory is short, libpng leaves metadata out with a warning. */
static png_voidp take(png_structp png, png_alloc_size_t bytes)
{
    lic_guard *guard = png_get_mem_ptr(png);
    void *block = malloc(bytes);
    guard->no_memory = guard->no_memory || !block;
    return block;
}

static void give_back(png_structp png, png_voidp block)
{
    (void)png;
    free(block);
}

png_structp lic_png_create(lic_guard *guard, bool writing)
{
    png_structp png = writing ? png_create_write_struct_2(PNG_LIBPNG_VER_STRING, guard, on_error,
                                                          on_warning, guard, take, give_back)
                              : png_create_read_struct_2(PNG_LIBPNG_VER_STRING, guard, on_error,
                                                         on_warning, guard, take, give_back);
    if (!png)
        lic_guard_fail(guard, "libpng cannot be used");
    return png;
}

png_infop lic_png_create_info(lic_guard *guard, png_structp png)
{
    png_infop info = png_create_info_struct(png);
    if (!info)
        lic_guard_fail(guard, "libpng cannot be used");
    return info;
}

void lic_png_native_order(png_structp png)
{
    const uint16_t one = 1;
    if (*(const uint8_t *)&one)
        png_set_swap(png);
}
