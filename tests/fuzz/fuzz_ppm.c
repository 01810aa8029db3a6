/* fuzz_ppm.c - the reader of PPM and PGM, and what tells the formats apart. */
#include "tests/fuzz/fuzz_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    lic_picture picture;
    uint8_t *copy = fuzz_copy(data, bytes);
    if (lic_picture_sniff(copy, bytes) == LIC_FORMAT_PPM)
        fuzz_picture(copy, bytes);
    else if (lic_picture_sniff(copy, bytes) == LIC_FORMAT_NONE)
        FUZZ_CHECK(fuzz_read(copy, bytes, LIC_ALPHA_DROP, 0, &picture) != LIC_OK);
    free(copy);
    return 0;
}
