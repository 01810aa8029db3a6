/* container_fixture.h - small .lic files, and reading them from blocks of exactly their size, so
 * that a sanitizer sees every read too far. */
#ifndef LIC_TESTS_CONTAINER_FIXTURE_H
#define LIC_TESTS_CONTAINER_FIXTURE_H

#include "codec/container.h"
#include "tests/test.h"
#include "tests/unit/seal.h"

enum { CRC_AT_SMALL = 17, HEAD_SMALL = 21 }; /* of files with sides up to 128 */

static const uint8_t some_latents[] = {1, 2, 3, 4, 5, 0, 255, 128, 9};

static inline lic_container plain(uint32_t width, uint32_t height)
{
    return (lic_container){.width = width,
                           .height = height,
                           .channels = 3,
                           .depth = 8,
                           .quality_code = 32768,
                           .model_id = 0x12345678,
                           .check_latents = 0xCAFEF00D,
                           .latents = some_latents,
                           .latent_bytes = sizeof some_latents};
}

static inline lic_buffer write_file(const lic_container *c)
{
    lic_buffer out;
    lic_error err = {0};
    CHECK_EQ_INT(lic_container_write(c, NULL, &out, &err), LIC_OK);
    return out;
}

/* Reads a copy that ends at the end of its block. Texts must be there and end in no newline. */
static inline lic_status probe(const void *data, size_t bytes, lic_info *info, lic_error *err)
{
    uint8_t *copy = malloc(bytes ? bytes : 1);
    if (bytes)
        memcpy(copy, data, bytes);
    *err = (lic_error){0};
    lic_status status = lic_probe(copy, bytes, info, err);
    CHECK_EQ_INT(err->status, status);
    CHECK((status == LIC_OK) == (err->text[0] == '\0'));
    free(copy);
    return status;
}

static inline lic_status probe_status(const void *data, size_t bytes)
{
    lic_info info;
    lic_error err;
    return probe(data, bytes, &info, &err);
}

static uint8_t metadata[1 << 16];

/* As many chunks as there may be, from empty to 64 KB, compressible and not. */
static inline lic_container with_chunks(lic_chunk *chunks, size_t n)
{
    static const char types[][5] = {"iccp", "exif", "xmp ", "zzzz"};
    lic_container c = plain(100, 50);
    for (size_t i = 0; i < sizeof metadata; i++)
        metadata[i] = i < sizeof metadata / 2 ? (uint8_t)test_random() : (uint8_t)(i / 100);
    for (size_t i = 0; i < n; i++) {
        chunks[i] = (lic_chunk){.data = metadata + i};
        memcpy(chunks[i].type, types[i % 4], 4);
        chunks[i].bytes = i == 1 ? 0 : i == 3 ? sizeof metadata - i : i * 37;
    }
    chunks[1].data = NULL;
    c.chunks = chunks;
    c.n_chunks = n;
    return c;
}

#endif
