/* rows.h - for tests and benchmarks: codes a picture whose rows come from a function or go to one,
 * with options that may be NULL; decodes to a given depth; and looks at samples. */
#ifndef LIC_TESTS_ROWS_H
#define LIC_TESTS_ROWS_H

#include "codec/lic.h"

#include <string.h>

/* Sample i of row y, channels counted. */
static inline uint32_t image_sample(const lic_image *image, uint32_t y, size_t i)
{
    const uint8_t *row = (const uint8_t *)image->data + y * image->stride_bytes;
    uint16_t v = row[i];
    if (image->depth == 16)
        memcpy(&v, row + 2 * i, sizeof v);
    return v;
}

static inline lic_decode_options of_depth(uint32_t depth)
{
    lic_decode_options o;
    lic_decode_options_init(&o);
    o.depth = depth;
    return o;
}

/* A sink that throws rows away. */
static inline int drop_rows(void *user, uint32_t first, uint32_t n, void *rows, size_t stride)
{
    (void)user;
    (void)first;
    (void)n;
    (void)rows;
    (void)stride;
    return 0;
}

static inline lic_status encode_rows(lic_session *session, const lic_image *shape,
                                     lic_rows_fn source, void *user,
                                     const lic_encode_options *options, lic_buffer *out,
                                     lic_error *err)
{
    lic_encode_options own;
    lic_encode_options_init(&own);
    if (options)
        own = *options;
    own.source = source;
    own.source_user = user;
    return lic_session_encode(session, shape, &own, out, err);
}

static inline lic_status decode_rows(lic_session *session, const void *data, size_t bytes,
                                     const lic_decode_options *options, lic_rows_fn sink,
                                     void *user, lic_error *err)
{
    lic_decode_options own;
    lic_decode_options_init(&own);
    if (options)
        own = *options;
    own.sink = sink;
    own.sink_user = user;
    return lic_session_decode(session, data, bytes, &own, NULL, err);
}

#endif
