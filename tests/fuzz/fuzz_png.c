/* fuzz_png.c - the PNG reader; signature and the checksums of all chunks are made right. */
#include "tests/fuzz/fuzz_image.h"

static void seal(uint8_t *data, size_t bytes)
{
    for (size_t at = 8; bytes - at >= 12;) {
        const uint32_t length = (uint32_t)data[at] << 24 | (uint32_t)data[at + 1] << 16 |
                                (uint32_t)data[at + 2] << 8 | data[at + 3];
        if (length > bytes - at - 12)
            return;
        const uint32_t crc = lic_crc32(0, data + at + 4, (size_t)length + 4);
        for (size_t i = 0; i < 4; i++)
            data[at + 8 + length + i] = (uint8_t)(crc >> (24 - 8 * i));
        at += (size_t)length + 12;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
    if (bytes < sizeof signature)
        return 0;
    uint8_t *copy = fuzz_copy(data, bytes);
    memcpy(copy, signature, sizeof signature);
    seal(copy, bytes);
    fuzz_picture(copy, bytes);
    free(copy);
    return 0;
}
