/* fuzz_container.c - the head of a .lic file and its metadata: lic_probe as the bytes are, again with the
 * checksum made right, and lic_chunk_read of every chunk. A file that is accepted must come out of
 * the writer with the same head. */
#include "codec/container.h"
#include "tests/fuzz/fuzz.h"

static lic_status probe(const uint8_t *data, size_t bytes, lic_info *info)
{
    lic_error err = {0};
    const lic_status status = lic_probe(data, bytes, info, &err);
    fuzz_check_error(status, &err);
    return status;
}

static void check_inside(const uint8_t *data, size_t bytes, const lic_chunk *chunk)
{
    FUZZ_CHECK(chunk->data >= data && chunk->data + chunk->bytes <= data + bytes);
}

static void read_chunks(const uint8_t *data, size_t bytes, const lic_info *info)
{
    FUZZ_CHECK(info->n_chunks <= LIC_MAX_CHUNKS);
    for (size_t i = 0; i < info->n_chunks; i++) {
        lic_buffer out = {0};
        lic_error err = {0};
        check_inside(data, bytes, &info->chunks[i]);
        const lic_status status = lic_chunk_read(&info->chunks[i], &out, &err);
        fuzz_check_error(status, &err);
        FUZZ_CHECK(status == LIC_OK || !out.data);
        lic_buffer_free(&out);
    }
}

/* Without chunks a head has one spelling: the writer gives the same bytes. */
static void write_again(const uint8_t *data, size_t bytes)
{
    lic_chunk chunks[LIC_MAX_CHUNKS];
    lic_container c;
    lic_buffer out = {0};
    lic_error err = {0};
    FUZZ_CHECK(lic_container_read(data, bytes, chunks, &c, &err) == LIC_OK);
    if (c.n_chunks)
        return;
    FUZZ_CHECK(lic_container_write(&c, NULL, &out, &err) == LIC_OK);
    FUZZ_CHECK(out.bytes == bytes && !memcmp(out.data, data, bytes));
    lic_buffer_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    uint8_t *copy = fuzz_copy(data, bytes), control[4];
    lic_info info;
    probe(copy, bytes, &info);
    fuzz_lic_seal(copy, bytes, control);
    if (probe(copy, bytes, &info) == LIC_OK) {
        FUZZ_CHECK(info.width && info.height && info.latent_bytes <= bytes);
        read_chunks(copy, bytes, &info);
        write_again(copy, bytes);
    }
    free(copy);
    return 0;
}
