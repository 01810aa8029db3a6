/* chunk.c - packs and unpacks the chunks of a .lic file with zlib, whose memory comes from the
 * library's allocators. Chunks from a file are hostile. */
#include "codec/base/bytes.h"
#include "codec/base/status.h"
#include "codec/container.h"
#include "codec/deflate.h"
#include "codec/options.h"

#include <string.h>

/* Deflate spends at least 2 bits on 258 bytes; a chunk that promises more is lying. */
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

void lic_deflate_prepare(z_stream *z, const lic_allocator **allocator)
{
    *z = (z_stream){.zalloc = z_alloc, .zfree = z_free, .opaque = allocator};
}

size_t lic_chunk_bound(const lic_chunk *chunk)
{
    return compressBound((uLong)chunk->bytes);
}

bool lic_chunk_is_bomb(size_t packed, size_t unpacked)
{
    return unpacked > LIC_FREE_CHUNK_BYTES &&
           (unpacked - LIC_FREE_CHUNK_BYTES) / LIC_MAX_AMPLIFICATION > packed;
}

/* Returns the bytes written, 0 if memory ran out. */
static size_t pack(const lic_chunk *chunk, int level, const lic_allocator *allocator, uint8_t *at)
{
    z_stream z;
    lic_deflate_prepare(&z, &allocator);
    if (deflateInit(&z, level) != Z_OK)
        return 0;
    z.next_in = chunk->data;
    z.avail_in = (uInt)chunk->bytes;
    z.next_out = at;
    z.avail_out = (uInt)lic_chunk_bound(chunk);
    const int result = deflate(&z, Z_FINISH);
    const size_t bytes = result == Z_STREAM_END ? (size_t)(z.next_out - at) : 0;
    deflateEnd(&z);
    return bytes;
}

/* A chunk that readers would take for a bomb is stored uncompressed. */
size_t lic_chunk_pack(const lic_chunk *chunk, const lic_allocator *allocator, uint8_t *at)
{
    const size_t bytes = pack(chunk, Z_BEST_COMPRESSION, allocator, at);
    return bytes && lic_chunk_is_bomb(bytes, chunk->bytes)
               ? pack(chunk, Z_NO_COMPRESSION, allocator, at)
               : bytes;
}

lic_status lic_chunk_unpack(const lic_chunk *chunk, const lic_options *options, uint8_t *at,
                            lic_error *err)
{
    const lic_allocator *allocator = options->allocator;
    z_stream z;
    if (chunk->packed == LIC_CHUNK_STORED) {
        if (chunk->bytes != chunk->unpacked_bytes)
            return lic_fail(err, LIC_ERR_ARGUMENT, "a stored chunk has its own length");
        if (chunk->bytes)
            memcpy(at, chunk->data, chunk->bytes);
        return LIC_OK;
    }
    lic_deflate_prepare(&z, &allocator);
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

lic_status lic_chunk_admit(const lic_chunk *chunk, const lic_options *options, lic_error *err)
{
    const size_t bytes = chunk->unpacked_bytes;
    const uint64_t limit = options->max_memory ? options->max_memory : LIC_MAX_CHUNK_BYTES;
    if (bytes > UINT32_MAX || chunk->bytes > UINT32_MAX || bytes / MAX_DEFLATE_RATIO > chunk->bytes)
        return lic_fail(err, LIC_ERR_CORRUPT, "metadata '%.4s' of the file is damaged",
                        chunk->type);
    if (bytes > limit)
        return lic_fail(err, LIC_ERR_LIMIT,
                        "metadata '%.4s' takes %zu bytes, the limit of memory is %llu", chunk->type,
                        bytes, (unsigned long long)limit);
    if (lic_chunk_is_bomb(chunk->bytes, bytes))
        return lic_fail(err, LIC_ERR_LIMIT,
                        "metadata '%.4s' would unpack to %zu bytes from %zu, more than %d times",
                        chunk->type, bytes, chunk->bytes, LIC_MAX_AMPLIFICATION);
    return LIC_OK;
}

lic_status lic_chunk_read(const lic_chunk *chunk, const lic_options *options, lic_buffer *out,
                          lic_error *err)
{
    if (out)
        *out = (lic_buffer){0};
    if (!chunk || !chunk->data || !chunk->packed || !out)
        return lic_fail(err, LIC_ERR_ARGUMENT, "lic_chunk_read needs a packed chunk and a buffer");
    if (lic_chunk_is(chunk->type, LIC_ALPHA_TYPE) || lic_chunk_is(chunk->type, LIC_EXACT_TYPE))
        return lic_fail(err, LIC_ERR_ARGUMENT, "the decoder delivers alpha and exact blocks");
    lic_options own;
    lic_status status = lic_options_take(options, &own, err);
    if (status == LIC_OK)
        status = lic_chunk_admit(chunk, &own, err);
    if (status != LIC_OK)
        return status;
    const size_t bytes = chunk->unpacked_bytes;
    uint8_t *data = lic_alloc(own.allocator, bytes);
    if (!data)
        return lic_fail(err, LIC_ERR_MEMORY, "not enough memory for the %zu bytes of '%.4s'", bytes,
                        chunk->type);
    status = lic_chunk_unpack(chunk, &own, data, err);
    if (status != LIC_OK) {
        lic_dealloc(own.allocator, data);
        return status;
    }
    *out = (lic_buffer){data, bytes, own.allocator};
    return LIC_OK;
}

const lic_chunk *lic_chunk_find(const lic_chunk *chunks, size_t n, const char *type)
{
    for (size_t i = 0; i < n; i++)
        if (lic_chunk_is(chunks[i].type, type))
            return &chunks[i];
    return NULL;
}
