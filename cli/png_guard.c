/* png_guard.c - see png_guard.h. */
#include "cli/png_guard.h"

#include "cli/image_format.h"
#include "cli/report.h"

static _Noreturn void on_error(png_structp png, png_const_charp text)
{
    lic_png_guard *guard = png_get_error_ptr(png);
    lic_png_stop(guard, lic_report_fail(guard->err, guard->on_error, "%s: %s", guard->doing, text));
}

static void on_warning(png_structp png, png_const_charp text)
{
    lic_png_guard *guard = png_get_error_ptr(png);
    lic_picture_warn(guard->picture, "PNG: %s", text);
}

_Noreturn void lic_png_stop(lic_png_guard *guard, lic_status status)
{
    guard->status = status;
    longjmp(guard->jump, 1);
}

bool lic_png_guard_init(lic_png_guard *guard, bool writing)
{
    lic_error nowhere;
    guard->err = &nowhere;
    if (setjmp(guard->jump) != 0)
        return false;
    guard->png = writing
                     ? png_create_write_struct(PNG_LIBPNG_VER_STRING, guard, on_error, on_warning)
                     : png_create_read_struct(PNG_LIBPNG_VER_STRING, guard, on_error, on_warning);
    guard->info = guard->png ? png_create_info_struct(guard->png) : NULL;
    return guard->info != NULL;
}

lic_status lic_png_guarded(lic_png_guard *guard, void (*work)(void *job), void *job, lic_error *err)
{
    if (guard->status != LIC_OK) {
        *err = (lic_error){.status = guard->status, .text = "PNG: failed before"};
        return guard->status;
    }
    guard->err = err;
    if (setjmp(guard->jump) == 0)
        work(job);
    return guard->status;
}

void lic_png_native_order(png_structp png)
{
    const uint16_t one = 1;
    if (*(const uint8_t *)&one)
        png_set_swap(png);
}
