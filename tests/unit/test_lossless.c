/* The lossless coder: every kind of raster comes back to the bit, from code that is its only one;
 * what was cut gives the rows that are there; bytes of any kind decode to something. */
#include "tests/unit/lossless_fixture.h"

static void check_round_trip(raster_kind kind, uint32_t width, uint32_t height, uint32_t channels,
                             uint32_t depth)
{
    lossless_coder c;
    coder_init(&c, width, height, channels, depth);
    lic_raster from = make_raster(kind, width, height, channels, depth), to = like(&from, 0xA5);
    lic_range_encoder enc = lossless_code(&c, &from);
    lic_range_decoder dec;
    lic_range_decoder_init(&dec, enc.data, enc.bytes);
    CHECK_EQ_INT(lic_lossless_decode(&c.l, &dec, &to), height);
    CHECK(lic_range_decoder_ok(&dec));
    CHECK_EQ_MEM(to.data, from.data, from.stride_bytes * height);
    free(enc.data);
    free(from.data);
    free(to.data);
    lic_arena_release(&c.arena);
}

TEST(all_kinds_come_back)
{
    static const uint32_t sizes[][2] = {{1, 1}, {1, 40}, {40, 1}, {2, 2}, {3, 5}, {70, 60}};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
        for (uint32_t channels = 1; channels <= 4; channels++)
            for (uint32_t depth = 8; depth <= 16; depth += 8)
                for (int kind = 0; kind < RASTER_KINDS; kind++)
                    check_round_trip((raster_kind)kind, sizes[s][0], sizes[s][1], channels, depth);
}

/* Rows may lie apart in the caller's memory, and what is between them is not touched. */
TEST(strides_are_kept)
{
    lossless_coder c;
    coder_init(&c, 20, 10, 3, 8);
    lic_raster packed = make_raster(LETTERS, 20, 10, 3, 8), wide = packed;
    uint8_t space[10 * 77], back[10 * 77];
    memset(space, 1, sizeof space);
    memset(back, 2, sizeof back);
    wide.data = space;
    wide.stride_bytes = 77;
    for (uint32_t y = 0; y < 10; y++)
        memcpy(space + 77 * y, (uint8_t *)packed.data + 60 * y, 60);
    lic_range_encoder a = lossless_code(&c, &packed), b = lossless_code(&c, &wide);
    CHECK_EQ_INT(a.bytes, b.bytes);
    CHECK_EQ_MEM(a.data, b.data, a.bytes);
    wide.data = back;
    lic_range_decoder dec;
    lic_range_decoder_init(&dec, a.data, a.bytes);
    lic_lossless_decode(&c.l, &dec, &wide);
    for (uint32_t y = 0; y < 10; y++) {
        CHECK_EQ_MEM(back + 77 * y, space + 77 * y, 60);
        for (uint32_t x = 60; x < 77; x++)
            CHECK_EQ_INT(back[77 * y + x], 2);
    }
    free(a.data);
    free(b.data);
    free(packed.data);
    lic_arena_release(&c.arena);
}

/* Nothing of one raster is left when the next is coded, smaller ones too. */
TEST(memory_can_be_used_again)
{
    lossless_coder used, fresh;
    coder_init(&used, 64, 64, 3, 8);
    for (int kind = 0; kind < RASTER_KINDS; kind++) {
        const uint32_t side = kind % 2 ? 64 : 33;
        lic_raster r = make_raster((raster_kind)kind, side, side, 3, 8);
        coder_init(&fresh, side, side, 3, 8);
        lic_range_encoder a = lossless_code(&used, &r), b = lossless_code(&fresh, &r);
        CHECK_EQ_INT(a.bytes, b.bytes);
        CHECK_EQ_MEM(a.data, b.data, b.bytes < a.bytes ? b.bytes : a.bytes);
        free(a.data);
        free(b.data);
        free(r.data);
        lic_arena_release(&fresh.arena);
    }
    lic_arena_release(&used.arena);
}

/* The aims, on pictures of which one can say what they hold. */
TEST(sizes_are_what_the_content_is)
{
    static const struct {
        raster_kind kind;
        size_t most;
    } cases[] = {
        {FLAT, 50}, {NOISE, 256 * 256 * 3 + 10}, {LETTERS, 600}, {STRETCHED, 250}, {PLANES, 1100}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        lossless_coder c;
        coder_init(&c, 256, 256, 3, 8);
        lic_raster r = make_raster(cases[i].kind, 256, 256, 3, 8);
        lic_range_encoder enc = lossless_code(&c, &r);
        CHECK(enc.bytes <= cases[i].most);
        if (enc.bytes > cases[i].most)
            printf("kind %d: %zu bytes\n", (int)cases[i].kind, enc.bytes);
        free(enc.data);
        free(r.data);
        lic_arena_release(&c.arena);
    }
}

/* Small rasters are coded in every way that there is; of large ones only a look tells. */
TEST(slopes_are_seen)
{
    static const uint32_t sides[] = {32, 200};
    for (size_t i = 0; i < 2; i++)
        for (int kind = SLOPES; kind <= LETTERS; kind++) {
            lossless_coder c;
            coder_init(&c, sides[i], sides[i], 3, 8);
            lic_raster r = make_raster((raster_kind)kind, sides[i], sides[i], 3, 8);
            lic_range_encoder enc = lossless_code(&c, &r);
            if (kind == PLANES)
                CHECK(c.l.choice.slopes);
            else if (sides[i] > 64)
                CHECK(!c.l.choice.slopes);
            free(enc.data);
            free(r.data);
            lic_arena_release(&c.arena);
        }
}

/* Code that ends early: rows that are there are right, the others untouched; every row comes sooner
 * or later. */
TEST(rows_before_a_cut_are_right)
{
    lossless_coder c;
    coder_init(&c, 50, 40, 3, 8);
    lic_raster from = make_raster(SLOPES, 50, 40, 3, 8);
    lic_range_encoder enc = lossless_code(&c, &from);
    uint32_t before = 0;
    for (size_t bytes = 0; bytes <= enc.bytes; bytes += 7) {
        lic_raster to = like(&from, 0x3C);
        lic_range_decoder dec;
        lic_range_decoder_init(&dec, enc.data, bytes);
        lic_range_decoder_salvage(&dec);
        const uint32_t rows = lic_lossless_decode(&c.l, &dec, &to);
        CHECK(rows >= before && rows <= 40);
        CHECK_EQ_MEM(to.data, from.data, rows * from.stride_bytes);
        for (size_t i = rows * from.stride_bytes; i < 40 * from.stride_bytes; i++)
            CHECK_EQ_INT(((uint8_t *)to.data)[i], 0x3C);
        before = rows;
        free(to.data);
    }
    CHECK(before >= 37);
    free(enc.data);
    free(from.data);
    lic_arena_release(&c.arena);
}

/* Whatever the bytes are, decoding ends within the raster; and it is a code only if an encoder
 * writes it: then the same raster comes back from the encoder's own. */
TEST(any_bytes_decode)
{
    for (int trial = 0; trial < 200; trial++) {
        const uint32_t channels = 1 + test_random_below(4), depth = test_random_below(2) ? 8 : 16;
        const uint32_t width = 1 + test_random_below(40), height = 1 + test_random_below(20);
        lossless_coder c;
        coder_init(&c, width, height, channels, depth);
        lic_raster to = make_raster(FLAT, width, height, channels, depth);
        const size_t n = test_random_below(600);
        uint8_t *bytes = malloc(n + 1);
        for (size_t i = 0; i < n; i++)
            bytes[i] = (uint8_t)(test_random_below(3) ? test_random() : test_random() % 2 - 1);
        lic_range_decoder dec;
        lic_range_decoder_init(&dec, bytes, n);
        lic_lossless_decode(&c.l, &dec, &to);
        free(bytes);
        free(to.data);
        lic_arena_release(&c.arena);
    }
}

TEST(no_memory_is_told)
{
    lossless_coder c;
    coder_init(&c, 60, 60, 3, 16);
    lic_raster from = make_raster(NOISE, 60, 60, 3, 16);
    for (int left = 0; left < 3; left++) {
        grow_state g = {left, 0};
        lic_range_encoder enc;
        lic_range_encoder_init(&enc, fixture_grow, &g);
        lic_lossless_encode(&c.l, &enc, &from);
        CHECK(!lic_range_finish(&enc));
        free(enc.data);
    }
    free(from.data);
    lic_arena_release(&c.arena);
}

/* Masks of every density: what is shown comes back, and nothing else is written into the code. */
TEST(masked_rasters)
{
    static const uint32_t sizes[][2] = {{1, 1}, {16, 16}, {17, 33}, {70, 50}, {100, 140}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int kind = 0; kind < RASTER_KINDS; kind++)
            for (uint32_t share = 0; share <= 4; share++) {
                const uint32_t channels = 1 + (uint32_t)kind % 4, depth = share % 2 ? 16 : 8;
                uint8_t shown[64], seen[64];
                lossless_coder c;
                coder_init(&c, sizes[s][0], sizes[s][1], channels, depth);
                lic_raster r =
                    make_raster((raster_kind)kind, sizes[s][0], sizes[s][1], channels, depth);
                lic_mask mask = {shown, lic_mask_blocks(r.width), lic_mask_blocks(r.height)};
                for (uint32_t i = 0; i < mask.columns * mask.rows; i++)
                    shown[i] = test_random_below(4) < share;
                c.l.mask = &mask;
                lic_range_encoder enc = lossless_code(&c, &r);
                lic_raster back = like(&r, 0x5A);
                lic_mask got = {seen, mask.columns, mask.rows};
                lic_range_decoder dec;
                lic_range_decoder_init(&dec, enc.data, enc.bytes);
                c.l.mask = &got;
                CHECK_EQ_INT(lic_lossless_decode(&c.l, &dec, &back), r.height);
                CHECK(lic_range_decoder_ok(&dec));
                CHECK_EQ_MEM(seen, shown, mask.columns * mask.rows);
                for (uint32_t y = 0; y < r.height; y++)
                    for (uint32_t x = 0; x < r.width; x++)
                        for (uint32_t i = 0; i < channels && lic_mask_shows(&mask, x, y); i++)
                            CHECK_EQ_INT(lic_raster_sample(&back, x, y, i),
                                         lic_raster_sample(&r, x, y, i));
                /* Other samples where nothing is shown: noise that would take many bytes. */
                if (share == 0)
                    CHECK(enc.bytes < 64 + mask.columns * mask.rows / 8);
                free(enc.data);
                free(back.data);
                free(r.data);
                lic_arena_release(&c.arena);
            }
}

/* The costs of blocks come to the whole code, but for its head; a flat block costs next to nothing
 * beside noise. */
TEST(costs_of_blocks)
{
    lossless_coder c;
    uint32_t costs[16] = {0};
    uint64_t sum = 0;
    coder_init(&c, 64, 64, 1, 8);
    lic_raster r = make_raster(NOISE, 64, 64, 1, 8);
    for (uint32_t y = 0; y < 64; y++)
        memset((uint8_t *)r.data + 64 * y, 200, 32);
    c.l.costs = costs;
    lic_range_encoder enc = lossless_code(&c, &r);
    for (int i = 0; i < 16; i++) {
        sum += costs[i];
        CHECK(i % 4 < 2 ? costs[i] < 64 * 64 : costs[i] > 64 * 256 * 7);
    }
    CHECK(sum / 64 <= 8 * (uint64_t)enc.bytes && sum / 64 + 800 >= 8 * (uint64_t)enc.bytes);
    free(enc.data);
    free(r.data);
    lic_arena_release(&c.arena);
}
