/* metadata.c - see metadata.h, and lic_metadata_read. */
#include "codec/metadata.h"

#include "codec/base/bytes.h"
#include "codec/base/status.h"
#include "codec/container.h"
#include "codec/options.h"

#include <string.h>

static const char types[LIC_METADATA_CHUNKS][5] = {"iccp", "exif", "xmp "};

void lic_metadata_init_sized(lic_metadata *metadata, size_t struct_bytes)
{
    const lic_metadata empty = {0};
    lic_struct_give(&empty, sizeof empty, metadata, struct_bytes);
}

/* ---- to a file ---- */

static void add(lic_chunk *chunks, size_t *n, const char *type, lic_span bytes)
{
    if (!bytes.data)
        return;
    lic_chunk *chunk = &chunks[(*n)++];
    *chunk = (lic_chunk){.data = bytes.data, .bytes = bytes.bytes};
    memcpy(chunk->type, type, sizeof chunk->type);
}

lic_status lic_metadata_chunks(const lic_metadata *metadata, const lic_allocator *allocator,
                               lic_buffer *exif, lic_chunk *chunks, size_t *n, lic_error *err)
{
    lic_metadata m;
    lic_status status = lic_struct_take(metadata, 0, &m, sizeof m, err);
    if (status)
        return status;
    if (m.orientation > 8)
        return lic_fail(err, LIC_ERR_ARGUMENT, "orientation is 1 to 8, or 0 for that of the EXIF");
    if (m.orientation && lic_metadata_orientation(m.exif) != m.orientation) {
        status = lic_exif_turn(m.exif, m.orientation, allocator, exif);
        if (status == LIC_ERR_MEMORY)
            return lic_fail(err, status, "not enough memory for the EXIF");
        if (status)
            return lic_fail(err, LIC_ERR_ARGUMENT, "the EXIF that was given is not EXIF");
        m.exif = (lic_span){exif->data, exif->bytes};
    }
    add(chunks, n, types[0], m.icc);
    add(chunks, n, types[1], m.exif);
    add(chunks, n, types[2], m.xmp);
    return LIC_OK;
}

/* ---- from a file ---- */

/* Counts the bytes of all that is there. Each chunk, and the sum, must be within the limits of the
 * options. */
static lic_status measure(const lic_chunk *const found[LIC_METADATA_CHUNKS],
                          const lic_options *options, size_t *bytes, lic_error *err)
{
    const uint64_t limit = options->max_memory ? options->max_memory : SIZE_MAX;
    *bytes = 0;
    for (int i = 0; i < LIC_METADATA_CHUNKS; i++) {
        if (!found[i])
            continue;
        const lic_status status = lic_chunk_admit(found[i], options, err);
        if (status)
            return status;
        if (!lic_add_size(*bytes, found[i]->unpacked_bytes, bytes) || *bytes > limit)
            return lic_fail(err, LIC_ERR_LIMIT, "the metadata takes more memory than the limit");
    }
    return LIC_OK;
}

static lic_status unpack(const lic_chunk *const found[LIC_METADATA_CHUNKS],
                         const lic_options *options, lic_metadata *m, lic_error *err)
{
    lic_span *const to[LIC_METADATA_CHUNKS] = {&m->icc, &m->exif, &m->xmp};
    uint8_t *at = m->owned;
    for (int i = 0; i < LIC_METADATA_CHUNKS; i++) {
        if (!found[i])
            continue;
        const lic_status status = lic_chunk_unpack(found[i], options, at, err);
        if (status)
            return status;
        *to[i] = (lic_span){at, found[i]->unpacked_bytes};
        at += found[i]->unpacked_bytes;
    }
    const uint32_t orientation = lic_metadata_orientation(m->exif);
    m->orientation = orientation ? orientation : 1;
    return LIC_OK;
}

static lic_status read_all(const lic_info *info, const lic_options *options, lic_metadata *m,
                           lic_error *err)
{
    const lic_chunk *found[LIC_METADATA_CHUNKS];
    size_t bytes;
    for (int i = 0; i < LIC_METADATA_CHUNKS; i++)
        found[i] = lic_chunk_find(info->chunks, info->n_chunks, types[i]);
    lic_status status = measure(found, options, &bytes, err);
    if (status)
        return status;
    m->allocator = options->allocator;
    m->owned = lic_alloc(options->allocator, bytes);
    if (!m->owned)
        return lic_fail(err, LIC_ERR_MEMORY, "not enough memory for %zu bytes of metadata", bytes);
    return unpack(found, options, m, err);
}

lic_status lic_metadata_read_sized(const lic_info *info, const lic_options *options,
                                   lic_metadata *out, size_t struct_bytes, lic_error *err)
{
    lic_info head;
    lic_options own;
    lic_metadata m = {0};
    if (out)
        memset(out, 0, struct_bytes);
    if (!info || !out)
        return lic_fail(err, LIC_ERR_ARGUMENT, "lic_metadata_read: bad argument");
    lic_status status = lic_options_take(options, &own, err);
    if (!status)
        status = lic_struct_take(info, 0, &head, sizeof head, err);
    if (!status)
        status = read_all(&head, &own, &m, err);
    if (status)
        lic_dealloc(own.allocator, m.owned);
    else
        lic_struct_give(&m, sizeof m, out, struct_bytes);
    return status;
}

void lic_metadata_free(lic_metadata *metadata)
{
    if (!metadata)
        return;
    lic_dealloc(metadata->allocator, metadata->owned);
    const size_t bytes = metadata->struct_bytes;
    lic_metadata_init_sized(metadata, bytes < sizeof *metadata ? bytes : sizeof *metadata);
}
