/* Lossless files: without a model, to the last bit, the same bytes for any number of threads, from
 * rows or from memory; parts, previews, depths; what is cut or damaged; limits. */
#include "codec/drawn.h"
#include "tests/unit/codec_fixture.h"
#include "tests/unit/seal.h"

static lic_encode_options lossless_in_tiles(uint32_t side)
{
    lic_encode_options e;
    lic_encode_options_init(&e);
    e.lossless = LIC_LOSSLESS_YES;
    e.tile_side = side;
    return e;
}

static lic_buffer encode_with(const lic_image *picture, const lic_encode_options *e, int threads)
{
    const lic_options o = with_threads(threads);
    lic_buffer file = {0};
    CHECK_EQ_INT(lic_encode(NULL, picture, &o, e, &file, NULL), LIC_OK);
    return file;
}

static lic_buffer encode_in_tiles(const lic_image *picture, uint32_t side, int threads)
{
    const lic_encode_options e = lossless_in_tiles(side);
    return encode_with(picture, &e, threads);
}

static lic_image decode_as(const lic_buffer *file, const lic_decode_options *d, int threads)
{
    const lic_options o = with_threads(threads);
    lic_image out = {0};
    lic_error err = {0};
    CHECK_EQ_INT(lic_decode(NULL, file->data, file->bytes, &o, d, &out, &err), LIC_OK);
    if (err.text[0])
        printf("%s\n", err.text);
    return out;
}

static void check_same(const lic_image *a, const lic_image *b)
{
    CHECK(a->width == b->width && a->height == b->height && a->channels == b->channels &&
          a->depth == b->depth);
    CHECK_EQ_MEM(a->data, b->data, a->stride_bytes * a->height);
}

TEST(pictures_come_back_to_the_bit)
{
    static const uint32_t sizes[][2] = {{1, 1}, {64, 64}, {65, 3}, {150, 131}};
    for (size_t s = 0; s < 4; s++)
        for (uint32_t channels = 1; channels <= 4; channels++)
            for (uint32_t depth = 8; depth <= 16; depth += 8) {
                lic_image p = make_picture(sizes[s][0], sizes[s][1], channels, depth);
                lic_buffer one = encode_in_tiles(&p, 64, 1), many = encode_in_tiles(&p, 64, 7);
                CHECK_EQ_INT(one.bytes, many.bytes);
                CHECK_EQ_MEM(one.data, many.data, one.bytes);
                lic_image a = decode_as(&one, NULL, 1), b = decode_as(&one, NULL, 7);
                check_same(&a, &p);
                check_same(&b, &p);
                lic_info info = {0};
                CHECK_EQ_INT(lic_probe(one.data, one.bytes, &info, NULL), LIC_OK);
                CHECK(info.lossless && info.version == 3 && info.model_id == 0);
                CHECK_EQ_INT(info.has_alpha, channels % 2 == 0);
                lic_image_free(&a);
                lic_image_free(&b);
                lic_buffer_free(&one);
                lic_buffer_free(&many);
                free(p.data);
            }
}

/* The largest difference of a picture's samples; alpha must not differ at all. */
static uint32_t largest_error(const lic_image *a, const lic_image *b)
{
    uint32_t most = 0;
    for (uint32_t y = 0; y < a->height; y++)
        for (uint32_t i = 0; i < a->width * a->channels; i++) {
            const uint32_t v = image_sample(a, y, i), w = image_sample(b, y, i);
            const uint32_t error = v > w ? v - w : w - v;
            CHECK(error == 0 || a->channels % 2 || i % a->channels != a->channels - 1);
            CHECK(error == 0 || (v != 0 && v != (1u << a->depth) - 1));
            most = error > most ? error : most;
        }
    return most;
}

TEST(nearly_lossless_files_are_off_by_so_much)
{
    static const uint32_t nears[2][3] = {{1, 2, 15}, {1, 300, 4095}};
    for (uint32_t channels = 1; channels <= 4; channels++)
        for (uint32_t depth = 8; depth <= 16; depth += 8) {
            lic_image p = make_picture(70, 66, channels, depth);
            lic_buffer exact = encode_in_tiles(&p, 64, 1);
            put_sample(&p, 0, 3, 0, 0);
            put_sample(&p, 1, 5, 0, (1u << depth) - 1);
            size_t last = exact.bytes;
            for (size_t i = 0; i < 3; i++) {
                lic_encode_options e = lossless_in_tiles(64);
                e.near = nears[depth / 16][i];
                lic_buffer one = encode_with(&p, &e, 1), many = encode_with(&p, &e, 7);
                CHECK_EQ_INT(one.bytes, many.bytes);
                CHECK_EQ_MEM(one.data, many.data, one.bytes);
                CHECK(one.bytes < last);
                last = one.bytes;
                lic_image a = decode_as(&one, NULL, 1);
                CHECK_EQ_INT(largest_error(&p, &a), e.near);
                lic_image_free(&a);
                lic_buffer_free(&one);
                lic_buffer_free(&many);
            }
            lic_buffer_free(&exact);
            free(p.data);
        }
}

TEST(a_largest_error_has_a_limit_and_needs_a_lossless_file)
{
    for (uint32_t depth = 8; depth <= 16; depth += 8) {
        lic_image p = make_picture(20, 20, 3, depth);
        lic_encode_options e = lossless_in_tiles(0);
        lic_buffer file = {0};
        lic_error err = {0};
        e.near = depth == 8 ? 16 : 4096;
        CHECK_EQ_INT(lic_encode(NULL, &p, NULL, &e, &file, &err), LIC_ERR_ARGUMENT);
        CHECK(strstr(err.text, depth == 8 ? "8 bits is 15" : "16 bits is 4095"));
        e.near = 1;
        e.lossless = LIC_LOSSLESS_AUTO;
        CHECK_EQ_INT(lic_encode(tiny_model(), &p, NULL, &e, &file, &err), LIC_ERR_ARGUMENT);
        CHECK(strstr(err.text, "lossless"));
        e.lossless = LIC_LOSSLESS_YES;
        p.depth = 40; /* nothing is shifted by that */
        CHECK_EQ_INT(lic_encode(NULL, &p, NULL, &e, &file, &err), LIC_ERR_ARGUMENT);
        CHECK(!strstr(err.text, "largest error"));
        free(p.data);
    }
}

/* With a model at hand it is the same file, and read as well. */
TEST(a_model_changes_nothing)
{
    lic_image p = make_picture(70, 50, 3, 8), out = {0};
    lic_encode_options e = lossless_in_tiles(0);
    lic_buffer without = encode_in_tiles(&p, 0, 1), with = {0};
    CHECK_EQ_INT(lic_encode(tiny_model(), &p, NULL, &e, &with, NULL), LIC_OK);
    CHECK_EQ_INT(with.bytes, without.bytes);
    CHECK_EQ_MEM(with.data, without.data, with.bytes);
    CHECK_EQ_INT(lic_decode(tiny_model(), with.data, with.bytes, NULL, NULL, &out, NULL), LIC_OK);
    check_same(&out, &p);
    lic_image_free(&out);
    lic_buffer_free(&with);
    lic_buffer_free(&without);
    free(p.data);
}

TEST(without_a_model_nothing_else)
{
    lic_image p = make_picture(20, 20, 3, 8), out = {0};
    lic_buffer file = {0};
    CHECK_EQ_INT(lic_encode(NULL, &p, NULL, NULL, &file, NULL), LIC_ERR_ARGUMENT);
    CHECK_EQ_INT(lic_encode(tiny_model(), &p, NULL, NULL, &file, NULL), LIC_OK);
    CHECK_EQ_INT(lic_decode(NULL, file.data, file.bytes, NULL, NULL, &out, NULL), LIC_ERR_ARGUMENT);
    CHECK(!out.data);
    lic_buffer_free(&file);
    free(p.data);
}

TEST(parts_are_those_of_the_whole)
{
    lic_image p = make_picture(150, 131, 4, 8);
    lic_buffer file = encode_in_tiles(&p, 64, 2);
    static const uint32_t parts[][4] = {
        {0, 0, 1, 1}, {60, 60, 10, 9}, {149, 130, 1, 1}, {5, 70, 140, 50}};
    for (size_t i = 0; i < 4; i++) {
        const lic_decode_options d = of_part(parts[i]);
        lic_image out = decode_as(&file, &d, 2);
        check_part(&out, &p, &d);
        lic_image_free(&out);
    }
    lic_buffer_free(&file);
    free(p.data);
}

/* Means of scale x scale, rounded. */
static void check_means(const lic_image *p, const lic_image *out, uint32_t scale)
{
    CHECK(out->width == (p->width + scale - 1) / scale);
    CHECK(out->height == (p->height + scale - 1) / scale);
    for (uint32_t y = 0; y < out->height; y++)
        for (uint32_t x = 0; x < 3 * out->width; x++) {
            uint32_t sum = 0, n = 0;
            const uint32_t left = scale * (x / 3);
            for (uint32_t yy = scale * y; yy < scale * y + scale && yy < p->height; yy++)
                for (uint32_t xx = left; xx < left + scale && xx < p->width; xx++, n++)
                    sum += ((uint8_t *)p->data)[yy * p->stride_bytes + 3 * xx + x % 3];
            CHECK_EQ_INT(((uint8_t *)out->data)[y * out->stride_bytes + x], (sum + n / 2) / n);
        }
}

TEST(previews_are_means)
{
    lic_image p = make_picture(150, 131, 3, 8);
    lic_buffer file = encode_in_tiles(&p, 64, 2);
    lic_decode_options d;
    lic_decode_options_init(&d);
    for (d.scale = 2; d.scale <= 16; d.scale *= 2) {
        lic_image out = decode_as(&file, &d, 1);
        check_means(&p, &out, d.scale);
        lic_image_free(&out);
    }
    lic_buffer_free(&file);
    free(p.data);
}

TEST(depth_and_channels_can_be_chosen)
{
    lic_image p = make_picture(30, 20, 1, 8);
    lic_buffer file = encode_in_tiles(&p, 0, 1);
    lic_decode_options d;
    lic_decode_options_init(&d);
    d.depth = 16;
    d.channels = 4;
    lic_image out = decode_as(&file, &d, 1);
    const uint16_t *v = out.data;
    for (uint32_t i = 0; i < 600; i++) {
        const uint16_t wide = (uint16_t)(257 * ((uint8_t *)p.data)[i]);
        CHECK(v[4 * i] == wide && v[4 * i + 1] == wide && v[4 * i + 2] == wide &&
              v[4 * i + 3] == 65535);
    }
    lic_image_free(&out);
    d.depth = 8;
    d.channels = 0;
    lic_buffer_free(&file);
    free(p.data);
    p = make_picture(30, 20, 3, 16);
    file = encode_in_tiles(&p, 0, 1);
    out = decode_as(&file, &d, 1);
    for (uint32_t i = 0; i < 1800; i++)
        CHECK_EQ_INT(((uint8_t *)out.data)[i],
                     (((uint16_t *)p.data)[i] * UINT32_C(255) + 32767) / 65535);
    lic_image_free(&out);
    lic_buffer_free(&file);
    free(p.data);
}

/* Every byte of the code counts, whatever the checksum of the file says. */
TEST(damage_is_seen)
{
    lic_image p = make_picture(100, 70, 3, 8);
    lic_buffer file = encode_in_tiles(&p, 64, 1);
    const size_t crc = crc_place(file.data);
    for (size_t i = crc + 4; i < file.bytes; i += 29) {
        lic_image out = {0};
        file.data[i] ^= 0x10;
        seal(file.data, file.bytes, crc);
        const lic_status status = lic_decode(NULL, file.data, file.bytes, NULL, NULL, &out, NULL);
        CHECK(status == LIC_ERR_CORRUPT || status == LIC_ERR_MISMATCH);
        CHECK(!out.data);
        file.data[i] ^= 0x10;
    }
    lic_buffer_free(&file);
    free(p.data);
}

/* A version that there is not yet is newer, not damaged. */
TEST(newer_files_are_told)
{
    lic_image p = make_picture(10, 10, 3, 8), out = {0};
    lic_buffer file = encode_in_tiles(&p, 0, 1);
    file.data[4] = (uint8_t)(file.data[4] + 1);
    seal(file.data, file.bytes, crc_place(file.data));
    CHECK_EQ_INT(lic_decode(NULL, file.data, file.bytes, NULL, NULL, &out, NULL), LIC_ERR_VERSION);
    lic_buffer_free(&file);
    free(p.data);
}

/* Alpha of more than 2^20 samples is cut into stripes; those above a part are passed over. */
TEST(alpha_in_stripes)
{
    const uint32_t width = 1500, height = 1500, stripe = (1 << 20) / 1500;
    lic_image p = make_picture(width, height, 2, 8);
    uint8_t *at = p.data;
    for (uint32_t i = 0; i < width * height; i++) {
        at[2 * i] = 7;
        at[2 * i + 1] = (uint8_t)(i / width / 50 * 20 + (i % width) / 100);
    }
    lic_buffer file = encode_in_tiles(&p, 0, 2);
    lic_image out = decode_as(&file, NULL, 2);
    check_same(&out, &p);
    lic_image_free(&out);
    lic_decode_options d;
    lic_decode_options_init(&d);
    d.crop_x = 3;
    d.crop_y = 2 * stripe + 1;
    d.crop_width = d.crop_height = 9;
    out = decode_as(&file, &d, 1);
    for (uint32_t y = 0; y < 9; y++)
        CHECK_EQ_MEM((uint8_t *)out.data + y * out.stride_bytes,
                     at + 2 * ((y + d.crop_y) * width + 3), 18);
    lic_image_free(&out);
    /* Damage in the first stripe does not show below it; in the last it does. */
    lic_info info = {0};
    CHECK_EQ_INT(lic_probe(file.data, file.bytes, &info, NULL), LIC_OK);
    CHECK_EQ_MEM(info.chunks[0].type, "Alph", 4);
    uint8_t *alpha = file.data + (info.chunks[0].data - file.data);
    for (int last = 0; last < 2; last++) {
        uint8_t *byte = last ? alpha + info.chunks[0].bytes - 3 : alpha + 12;
        *byte ^= 4;
        seal(file.data, file.bytes, crc_place(file.data));
        CHECK_EQ_INT(lic_decode(NULL, file.data, file.bytes, NULL, &d, &out, NULL),
                     last ? LIC_ERR_CORRUPT : LIC_OK);
        lic_image_free(&out);
        CHECK_EQ_INT(lic_decode(NULL, file.data, file.bytes, NULL, NULL, &out, NULL),
                     LIC_ERR_CORRUPT);
        *byte ^= 4;
    }
    lic_buffer_free(&file);
    free(p.data);
}

/* A small picture has 15 bytes besides its code, and is tried without loss whatever it shows. */
TEST(small_pictures_cost_little)
{
    lic_image p = make_picture(32, 32, 3, 8), out = {0};
    lic_encode_options choose = at_quality(100);
    lic_buffer file = {0};
    uint8_t *at = p.data;
    for (uint32_t i = 0; i < 32 * 32; i++) /* a slope in two directions, no pixel like the next */
        for (uint32_t k = 0; k < 3; k++)
            at[3 * i + k] = (uint8_t)(i % 32 * (k + 1) + i / 32 * 2 + 10 * k);
    choose.lossless = LIC_LOSSLESS_AUTO;
    CHECK_EQ_INT(lic_encode(tiny_model(), &p, NULL, &choose, &file, NULL), LIC_OK);
    CHECK(file.bytes <= 60);
    CHECK_EQ_INT(lic_decode(NULL, file.data, file.bytes, NULL, NULL, &out, NULL), LIC_OK);
    check_same(&out, &p);
    lic_image_free(&out);
    lic_buffer_free(&file);
    free(p.data);
}

/* Slopes, and pictures of few colours without runs, are tried as well; noise is not. */
TEST(what_looks_drawn)
{
    for (int kind = 0; kind < 3; kind++) {
        lic_image p = make_picture(200, 200, 3, 8);
        uint8_t *at = p.data;
        for (uint32_t i = 0; i < 200 * 200; i++)
            for (uint32_t k = 0; k < 3; k++)
                at[3 * i + k] = kind == 0   ? (uint8_t)(i % 200 + (k + 1) * (i / 200))
                                : kind == 1 ? (uint8_t)(40 * (test_random() % 6) + k)
                                            : (uint8_t)test_random();
        const lic_band band = {.image = p};
        CHECK_EQ_INT(lic_looks_drawn(&band, (lic_area){0, 0, 200, 200}), kind < 2);
        CHECK(lic_looks_drawn(&band, (lic_area){50, 50, 120, 120}));
        free(p.data);
    }
}

/* The rows that are there, then zeros. */
TEST(cut_files_are_salvaged)
{
    lic_image p = make_picture(64, 200, 3, 8);
    lic_buffer file = encode_in_tiles(&p, 64, 1);
    lic_decode_options d;
    lic_decode_options_init(&d);
    d.salvage = 1;
    uint32_t before = 0;
    for (size_t bytes = file.bytes / 3; bytes < file.bytes; bytes += 101) {
        const lic_buffer part = {file.data, bytes, NULL};
        lic_image out = decode_as(&part, &d, 1);
        uint32_t rows = 0;
        while (rows < p.height &&
               !memcmp((uint8_t *)out.data + rows * out.stride_bytes,
                       (uint8_t *)p.data + rows * p.stride_bytes, p.stride_bytes))
            rows++;
        CHECK(rows >= before && rows < p.height);
        for (uint32_t y = rows; y < p.height; y++)
            for (size_t x = 0; x < out.stride_bytes; x++)
                CHECK_EQ_INT(((uint8_t *)out.data)[y * out.stride_bytes + x], 0);
        before = rows;
        lic_image_free(&out);
    }
    CHECK(before > 150);
    lic_buffer_free(&file);
    free(p.data);
}

/* What is planned is taken, and refused before any work where it is too much. */
TEST(memory_is_planned)
{
    lic_image p = make_picture(150, 131, 3, 8), out = {0};
    lic_buffer file = {0};
    lic_options o = with_threads(2);
    const lic_encode_options e = lossless_in_tiles(64);
    o.max_memory = 1 << 20;
    CHECK_EQ_INT(lic_encode(NULL, &p, &o, &e, &file, NULL), LIC_ERR_LIMIT);
    CHECK(lic_plan_bytes(NULL, 150, 131, 64, 450, 2) > 1 << 20);
    file = encode_in_tiles(&p, 64, 2);
    CHECK_EQ_INT(lic_decode(NULL, file.data, file.bytes, &o, NULL, &out, NULL), LIC_ERR_LIMIT);
    lic_info info = {0};
    CHECK_EQ_INT(lic_probe(file.data, file.bytes, &info, NULL), LIC_OK);
    CHECK(lic_plan_stream_bytes(NULL, &info, 450, 2) > 1 << 20);
    lic_buffer_free(&file);
    free(p.data);
}

/* Boxes with a letter-like pattern, most pixels as their neighbours. */
static lic_image make_drawing(uint32_t width, uint32_t height)
{
    lic_image p = make_picture(width, height, 3, 8);
    uint8_t *at = p.data;
    for (uint32_t i = 0; i < width * height; i++) {
        const uint32_t x = i % width, y = i / width;
        memset(at + 3 * i, x % 40 < 4 && y % 20 < 9 && x * y % 3 ? 20 : 250, 3);
    }
    return p;
}

/* The encoder's own choice: a drawing is kept exactly, in any number of tiles, from rows too; a
 * photograph has the bytes that it has without a choice. */
TEST(drawings_are_chosen_and_photographs_are_not)
{
    for (uint32_t side = 64; side <= 128; side += 64) {
        lic_image drawing = make_drawing(100, 90), photo = make_picture(100, 90, 3, 8), out = {0};
        lic_encode_options choose = at_quality(60), plain = choose;
        lic_buffer a = {0}, b = {0};
        lic_info info = {0};
        choose.tile_side = plain.tile_side = side;
        choose.lossless = LIC_LOSSLESS_AUTO;
        CHECK_EQ_INT(lic_encode(tiny_model(), &drawing, NULL, &choose, &a, NULL), LIC_OK);
        CHECK_EQ_INT(lic_probe(a.data, a.bytes, &info, NULL), LIC_OK);
        CHECK(info.lossless);
        CHECK_EQ_INT(lic_decode(NULL, a.data, a.bytes, NULL, NULL, &out, NULL), LIC_OK);
        check_same(&out, &drawing);
        lic_image_free(&out);
        lic_buffer_free(&a);
        CHECK_EQ_INT(lic_encode(tiny_model(), &photo, NULL, &choose, &a, NULL), LIC_OK);
        CHECK_EQ_INT(lic_encode(tiny_model(), &photo, NULL, &plain, &b, NULL), LIC_OK);
        CHECK_EQ_INT(a.bytes, b.bytes);
        CHECK_EQ_MEM(a.data, b.data, b.bytes);
        lic_buffer_free(&a);
        lic_buffer_free(&b);
        free(drawing.data);
        free(photo.data);
    }
}
