/* test_alpha.c - the plane of alpha: packed and unpacked row by row without loss, and damage seen.
 */
#include "cli/picture/alpha.h"
#include "cli/picture/blend.h"
#include "tests/test.h"

#include <zlib.h>

enum { WIDEST = 300, MOST_ROWS = 40 };

/* A plane of samples [height][width], at the depth that `bytes` per sample give. */
static uint8_t plane[MOST_ROWS * WIDEST * 2];

/* Masks, ramps and noise, so that every filter is chosen somewhere. */
static void fill(int kind, uint32_t width, uint32_t height, uint32_t depth)
{
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++) {
            uint32_t v = kind == 0   ? (uint32_t)test_random()
                         : kind == 1 ? (x + y) * 7
                         : kind == 2 ? (x > y ? 65535 : 0)
                         : kind == 3 ? x * 3 + y * y
                                     : (y == height - 1 && x == 0 ? 0 : 65535);
            if (depth == 16)
                ((uint16_t *)(void *)plane)[y * width + x] = (uint16_t)v;
            else
                plane[y * width + x] = (uint8_t)v;
        }
}

static lic_alpha_plane pack(uint32_t width, uint32_t height, uint32_t depth)
{
    lic_alpha_packer *packer = lic_alpha_packer_new(width, depth);
    lic_alpha_plane packed = {0};
    for (uint32_t y = 0; y < height; y++)
        CHECK(lic_alpha_pack_row(packer, plane + (size_t)y * width * depth / 8));
    CHECK(lic_alpha_pack_end(packer, &packed));
    lic_alpha_packer_free(packer);
    return packed;
}

/* Every row and the end are as packed. */
static bool unpacks(const lic_alpha_plane *packed, uint32_t width, uint32_t height)
{
    const size_t bytes = (size_t)width * packed->depth / 8;
    lic_alpha_unpacker *unpacker = lic_alpha_unpacker_new(packed, width);
    static uint8_t row[WIDEST * 2];
    lic_error err;
    bool same = unpacker != NULL;
    for (uint32_t y = 0; y < height && same; y++)
        same = !lic_alpha_unpack_row(unpacker, row, &err) && !memcmp(row, plane + y * bytes, bytes);
    same = same && !lic_alpha_unpack_end(unpacker, &err);
    lic_alpha_unpacker_free(unpacker);
    return same;
}

TEST(planes_come_back_without_loss)
{
    for (int kind = 0; kind < 5; kind++)
        for (uint32_t width = 1; width <= WIDEST; width = width * 3 + 1)
            for (uint32_t height = 1; height <= MOST_ROWS; height += 13)
                for (uint32_t depth = 8; depth <= 16; depth += 8) {
                    fill(kind, width, height, depth);
                    lic_alpha_plane packed = pack(width, height, depth);
                    CHECK(!packed.data || unpacks(&packed, width, height));
                    CHECK(packed.data || kind != 4);
                    free(packed.owned);
                }
}

/* The rows are those of a PNG: unpacked bytes are as many as FORMAT.md says, filter types valid. */
TEST(planes_are_packed_as_the_format_says)
{
    static uint8_t raw[MOST_ROWS * (1 + 2 * WIDEST)];
    fill(3, 100, 30, 16);
    lic_alpha_plane packed = pack(100, 30, 16);
    uLongf bytes = sizeof raw;
    REQUIRE(uncompress(raw, &bytes, packed.data, packed.bytes) == Z_OK);
    CHECK_EQ_INT(bytes, lic_alpha_bytes(100, 30, 16));
    CHECK_EQ_INT(bytes, 30 * 201);
    unsigned seen = 0;
    for (size_t y = 0; y < 30; y++) {
        CHECK(raw[y * 201] <= 4);
        seen |= 1u << raw[y * 201];
    }
    CHECK(seen & (seen - 1)); /* more than one filter, or the choice is none */
    free(packed.owned);
}

TEST(opaque_planes_are_none)
{
    memset(plane, 0xFF, sizeof plane);
    lic_alpha_plane packed = pack(77, 20, 8);
    CHECK(!packed.data && !packed.owned && packed.bytes == 0);
    packed = pack(77, 20, 16);
    CHECK(!packed.data);
}

TEST(damaged_planes_are_seen)
{
    fill(0, 50, 20, 8);
    lic_alpha_plane packed = pack(50, 20, 8), bad = packed;
    int harmless = 0;
    for (bad.bytes = 0; bad.bytes < packed.bytes; bad.bytes++)
        CHECK(!unpacks(&bad, 50, 20));
    bad.bytes = packed.bytes;
    CHECK(!unpacks(&bad, 50, 19)); /* more than the picture */
    CHECK(!unpacks(&bad, 50, 21));
    uint8_t *copy = malloc(packed.bytes + 1);
    memcpy(copy, packed.data, packed.bytes);
    copy[packed.bytes] = 0;
    bad.data = copy;
    bad.bytes++;
    CHECK(!unpacks(&bad, 50, 20)); /* something behind the end */
    bad.bytes--;
    for (size_t i = 0; i < packed.bytes; i++) {
        copy[i] ^= 0x10;
        harmless += unpacks(&bad, 50, 20);
        copy[i] ^= 0x10;
    }
    CHECK(harmless <= 1); /* deflate ends with bits that fill its last byte */
    free(copy);
    free(packed.owned);
}

TEST(unknown_filters_are_refused)
{
    uint8_t raw[2 * 4] = {0, 1, 2, 3, 5, 1, 2, 3}, z[64];
    uLongf bytes = sizeof z;
    REQUIRE(compress(z, &bytes, raw, sizeof raw) == Z_OK);
    lic_alpha_plane packed = {.data = z, .bytes = bytes, .depth = 8};
    lic_alpha_unpacker *unpacker = lic_alpha_unpacker_new(&packed, 3);
    uint8_t row[3];
    lic_error err;
    CHECK_EQ_INT(lic_alpha_unpack_row(unpacker, row, &err), LIC_OK);
    CHECK_EQ_INT(lic_alpha_unpack_row(unpacker, row, &err), LIC_ERR_CORRUPT);
    lic_alpha_unpacker_free(unpacker);
}

TEST(depths_of_alpha_convert_and_back)
{
    uint16_t wide[256];
    uint8_t narrow[256], back[256];
    for (int i = 0; i < 256; i++)
        narrow[i] = (uint8_t)i;
    lic_blend_rescale(narrow, 256, 8, 16, wide);
    lic_blend_rescale(wide, 256, 16, 8, back);
    CHECK_EQ_INT(wide[255], 65535);
    CHECK_EQ_INT(wide[1], 257);
    CHECK_EQ_MEM(back, narrow, 256);
    CHECK(!lic_blend_is_opaque(narrow, 256, 8) && lic_blend_is_opaque(narrow + 255, 1, 8));
}
