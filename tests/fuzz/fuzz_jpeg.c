/* fuzz_jpeg.c - the JPEG reader. */
#include "tests/fuzz/fuzz_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const uint8_t signature[3] = {0xFF, 0xD8, 0xFF};
    if (bytes < sizeof signature)
        return 0;
    uint8_t *copy = fuzz_copy(data, bytes);
    memcpy(copy, signature, sizeof signature);
    fuzz_picture(copy, bytes);
    free(copy);
    return 0;
}
