/* options.c - see options.h. */
#include "codec/options.h"

#include "codec/base/status.h"

#include <stdbool.h>
#include <string.h>

/* More than any of these structs will ever have: a larger size was never initialised. */
enum { MAX_STRUCT_BYTES = 4096 };

static size_t size_of(const void *from)
{
    size_t bytes;
    memcpy(&bytes, from, sizeof bytes);
    return bytes;
}

static void set_size(void *to, size_t bytes)
{
    memcpy(to, &bytes, sizeof bytes);
}

static bool is_zero(const uint8_t *at, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (at[i])
            return false;
    return true;
}

/* own holds the defaults. */
static lic_status take(const void *from, size_t bytes, void *own, size_t own_bytes, lic_error *err)
{
    if (bytes < sizeof(size_t) || bytes > MAX_STRUCT_BYTES)
        return lic_fail(err, LIC_ERR_ARGUMENT, "a struct was given that was not initialised");
    if (bytes > own_bytes && !is_zero((const uint8_t *)from + own_bytes, bytes - own_bytes))
        return lic_fail(err, LIC_ERR_UNSUPPORTED,
                        "a setting was given that this version of the library does not know");
    memcpy(own, from, bytes < own_bytes ? bytes : own_bytes);
    set_size(own, own_bytes);
    return LIC_OK;
}

lic_status lic_struct_take(const void *from, size_t first_bytes, void *own, size_t own_bytes,
                           lic_error *err)
{
    const size_t bytes = size_of(from);
    memset(own, 0, own_bytes);
    return take(from, bytes ? bytes : first_bytes, own, own_bytes, err);
}

void lic_struct_give(const void *own, size_t own_bytes, void *to, size_t bytes)
{
    memset(to, 0, bytes);
    memcpy(to, own, bytes < own_bytes ? bytes : own_bytes);
    if (bytes >= sizeof bytes)
        set_size(to, bytes);
}

/* ---- options ---- */

static const lic_options defaults = {.struct_bytes = sizeof defaults,
                                     .max_pixels = LIC_MAX_PIXELS,
                                     .max_tile_pixels = LIC_MAX_TILE_PIXELS,
                                     .max_work = LIC_MAX_WORK};
static const lic_model_options model_defaults = {.struct_bytes = sizeof model_defaults};
static const lic_encode_options encode_defaults = {.struct_bytes = sizeof encode_defaults,
                                                   .quality = 50.0};
static const lic_decode_options decode_defaults = {.struct_bytes = sizeof decode_defaults};

#define OPTIONS(type, name, default_values)                                                        \
    void name##_init_sized(type *options, size_t struct_bytes)                                     \
    {                                                                                              \
        lic_struct_give(&default_values, sizeof default_values, options, struct_bytes);            \
    }                                                                                              \
    lic_status name##_take(const type *from, type *own, lic_error *err)                            \
    {                                                                                              \
        *own = default_values;                                                                     \
        return from ? take(from, from->struct_bytes, own, sizeof *own, err) : LIC_OK;              \
    }

OPTIONS(lic_options, lic_options, defaults)
OPTIONS(lic_model_options, lic_model_options, model_defaults)
OPTIONS(lic_encode_options, lic_encode_options, encode_defaults)
OPTIONS(lic_decode_options, lic_decode_options, decode_defaults)
