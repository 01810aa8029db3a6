/* chunk.c - packs and unpacks the chunks of a .lic file with zlib, whose memory comes from the
 * library's allocators. What is unpacked is hostile. */
#include "codec/base/bytes.h"
#include "codec/base/status.h"
#include "codec/container.h"

#define ZLIB_CONST /* next_in points to const */
#include <zlib.h>

/* Deflate spends at least 2 bits on 258 bytes; what promises more than that is lying. */
#define MAX_DEFLATE_RATIO 1032u

/* zlib's memory comes from the caller's allocator as well; *user points to the pointer to it. */
static void *z_alloc(void *user, uInt n, uInt size)
{
    size_t bytes;
    if (!lic_mul_size(n, size, &bytes))
        return NULL;
    return lic_alloc(*(const lic_allocator **)user, bytes);
}

static void z_free(void *user, void *pointer)
{
    lic_dealloc(*(const lic_allocator **)user, pointer);
}

size_t lic_chunk_bound(const lic_chunk *chunk)
{
    return compressBound((uLong)chunk->bytes);
}

size_t lic_chunk_pack(const lic_chunk *chunk, const lic_allocator *allocator, uint8_t *at)
{
    z_stream z = {.zalloc = z_alloc, .zfree = z_free, .opaque = &allocator};
    if (deflateInit(&z, Z_BEST_COMPRESSION) != Z_OK)
        return 0;
    z.next_in = chunk->data;
    z.avail_in = (uInt)chunk->bytes;
    z.next_out = at;
    z.avail_out = (uInt)lic_chunk_bound(chunk);
    int result = deflate(&z, Z_FINISH);
    size_t bytes = result == Z_STREAM_END ? (size_t)(z.next_out - at) : 0;
    deflateEnd(&z);
    return bytes;
}

/* Inflates all of the chunk into exactly its unpacked bytes at `at`. */
static lic_status unpack(const lic_chunk *chunk, uint8_t *at, lic_error *err)
{
    const lic_allocator *allocator = NULL;
    z_stream z = {.zalloc = z_alloc, .zfree = z_free, .opaque = &allocator};
    z.next_in = chunk->data;
    z.avail_in = (uInt)chunk->bytes;
    z.next_out = at;
    z.avail_out = (uInt)chunk->unpacked_bytes;
    int result = inflateInit(&z);
    if (result == Z_OK) {
        result = inflate(&z, Z_FINISH);
        inflateEnd(&z);
    }
    if (result == Z_MEM_ERROR)
        return lic_fail(err, LIC_ERR_MEMORY, "not enough memory to unpack '%.4s'", chunk->type);
    if (result != Z_STREAM_END || z.avail_in > 0 || z.avail_out > 0)
        return lic_fail(err, LIC_ERR_CORRUPT, "metadata '%.4s' of the file is damaged",
                        chunk->type);
    return LIC_OK;
}

lic_status lic_chunk_read(const lic_chunk *chunk, lic_buffer *out, lic_error *err)
{
    if (out)
        *out = (lic_buffer){0};
    if (!chunk || !chunk->data || !chunk->packed || !out)
        return lic_fail(err, LIC_ERR_ARGUMENT, "lic_chunk_read needs a packed chunk and a buffer");
    const size_t bytes = chunk->unpacked_bytes;
    if (bytes > UINT32_MAX || chunk->bytes > UINT32_MAX || bytes / MAX_DEFLATE_RATIO > chunk->bytes)
        return lic_fail(err, LIC_ERR_CORRUPT, "metadata '%.4s' of the file is damaged",
                        chunk->type);
    uint8_t *data = lic_alloc(NULL, bytes);
    if (!data)
        return lic_fail(err, LIC_ERR_MEMORY, "not enough memory for the %zu bytes of '%.4s'", bytes,
                        chunk->type);
    lic_status status = unpack(chunk, data, err);
    if (status != LIC_OK) {
        lic_dealloc(NULL, data);
        return status;
    }
    *out = (lic_buffer){data, bytes, NULL};
    return LIC_OK;
}
