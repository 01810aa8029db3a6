/* test_tiles.c - pictures cut into tiles: geometry, any size and tile side, crops, rows in and out.
 * The tiny network suffices: the test is about which numbers go where, not how good they are. */
#include "codec/lic.h"
#include "codec/tiles.h"
#include "tests/rows.h"
#include "tests/test.h"
#include "tests/unit/seal.h"

#define MODEL "tests/golden/tiny.licw"

static lic_model *model;
static lic_session *encoder;
static lic_session *decoder;

static int open_all(void)
{
    lic_error err;
    if (model)
        return 1;
    return !lic_model_open(MODEL, NULL, &model, &err) &&
           !lic_session_new(model, NULL, &encoder, &err) &&
           !lic_session_new(model, NULL, &decoder, &err);
}

static lic_image new_image(uint32_t width, uint32_t height)
{
    lic_image image = {.stride_bytes = 3 * (size_t)width,
                       .width = width,
                       .height = height,
                       .channels = 3,
                       .depth = 8};
    uint8_t *data = malloc(image.stride_bytes * height);
    for (size_t i = 0; data && i < image.stride_bytes * height; i++)
        data[i] = (uint8_t)((i * i / 7 + i / (3 * width) * 5) >> 2);
    image.data = data;
    return image;
}

static lic_status encode(const lic_image *image, uint32_t side, lic_buffer *file)
{
    lic_encode_options options;
    lic_error err;
    lic_encode_options_init(&options);
    options.tile_side = side;
    return lic_session_encode(encoder, image, &options, file, &err);
}

/* Tiles cover the padded picture exactly, regions hold their tiles, all in multiples of 64. */
TEST(regions_hold_tiles_and_stay_inside)
{
    for (uint32_t width = 1; width < 1500; width += 37) {
        lic_grid g;
        int tile_w, tile_h, area = 0;
        lic_grid_choose(width, 300, 128, &tile_w, &tile_h);
        CHECK(lic_grid_init(&g, width, 300, tile_w, tile_h));
        for (int i = 0; i < g.columns * g.rows; i++) {
            const lic_area t = lic_grid_tile(&g, i % g.columns, i / g.columns);
            const lic_area r = lic_grid_region(&g, i % g.columns, i / g.columns);
            area += (t.x1 - t.x0) * (t.y1 - t.y0);
            CHECK(r.x0 >= 0 && r.x0 <= t.x0 && r.x1 >= t.x1 && r.x1 <= g.width);
            CHECK(r.y0 >= 0 && r.y0 <= t.y0 && r.y1 >= t.y1 && r.y1 <= g.height);
            CHECK((r.x1 - r.x0) % 64 == 0 && (r.y1 - r.y0) % 64 == 0 && r.x0 % 16 == 0 &&
                  r.y0 % 16 == 0);
        }
        CHECK_EQ_INT(area, g.width * g.height);
    }
}

TEST(one_tile_grows_by_no_byte)
{
    REQUIRE(open_all());
    const lic_image image = new_image(100, 64);
    lic_buffer a, b;
    REQUIRE(!encode(&image, 0, &a) && !encode(&image, 128, &b));
    CHECK_EQ_INT(a.bytes, b.bytes);
    CHECK(!memcmp(a.data, b.data, a.bytes));
    lic_buffer_free(&a);
    lic_buffer_free(&b);
    free(image.data);
}

/* The rectangle decoded alone has the bits of the whole picture. */
static void check_crop(const lic_buffer *file, const lic_image *whole, uint32_t x, uint32_t y,
                       uint32_t w, uint32_t h)
{
    lic_decode_options options;
    lic_image part;
    lic_error err;
    lic_decode_options_init(&options);
    options.crop_x = x;
    options.crop_y = y;
    options.crop_width = w;
    options.crop_height = h;
    REQUIRE(!lic_session_decode(decoder, file->data, file->bytes, &options, &part, &err));
    CHECK(part.width == w && part.height == h);
    for (uint32_t row = 0; row < h; row++)
        CHECK(!memcmp((uint8_t *)part.data + row * part.stride_bytes,
                      (uint8_t *)whole->data + (y + row) * whole->stride_bytes + 3 * (size_t)x,
                      3 * (size_t)w));
    lic_image_free(&part);
}

TEST(crops_are_parts_of_the_whole)
{
    REQUIRE(open_all());
    const lic_image image = new_image(330, 270);
    lic_image whole;
    lic_buffer file;
    lic_error err;
    REQUIRE(!encode(&image, 64, &file));
    REQUIRE(!lic_session_decode(decoder, file.data, file.bytes, NULL, &whole, &err));
    for (uint32_t corner = 64; corner < 330; corner += 64)
        for (uint32_t row = 64; row < 270; row += 64)
            check_crop(&file, &whole, corner - 3, row - 2, 7, 5);
    check_crop(&file, &whole, 0, 0, 330, 270);
    check_crop(&file, &whole, 329, 269, 1, 1);
    check_crop(&file, &whole, 64, 0, 64, 270);
    lic_image_free(&whole);
    lic_buffer_free(&file);
    free(image.data);
}

static void check_threads(const lic_image *image, uint32_t side, int threads,
                          const lic_buffer *want, const lic_image *whole)
{
    lic_options options;
    lic_encode_options encode_options;
    lic_buffer file = {0};
    lic_image out = {0};
    lic_options_init(&options);
    lic_encode_options_init(&encode_options);
    options.threads = threads;
    encode_options.tile_side = side;
    CHECK(!lic_encode(model, image, &options, &encode_options, &file, NULL));
    CHECK(file.bytes == want->bytes && !memcmp(file.data, want->data, file.bytes));
    CHECK(!lic_decode(model, want->data, want->bytes, &options, NULL, &out, NULL));
    CHECK(out.data && !memcmp(out.data, whole->data, out.stride_bytes * out.height));
    lic_image_free(&out);
    lic_buffer_free(&file);
}

/* Sizes that begin, fill and just pass tiles and units of 64: there and back with 1, 2 and 7
 * threads, the same bytes and pixels; and all four pixels at every corner of tiles, alone. */
TEST(sizes_around_the_sides_of_tiles)
{
    static const uint32_t sizes[][3] = {{1, 1, 64},       {1, 4000, 256},  {4000, 1, 1024},
                                        {17, 33, 64},     {1023, 5, 1024}, {1024, 5, 1024},
                                        {1025, 65, 1024}, {64, 1087, 512}, {4097, 3, 1024}};
    static const int threads[] = {1, 2, 7};
    REQUIRE(open_all());
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const lic_image image = new_image(sizes[i][0], sizes[i][1]);
        lic_buffer want;
        lic_image whole;
        lic_info info;
        lic_error err;
        REQUIRE(!encode(&image, sizes[i][2], &want));
        REQUIRE(!lic_session_decode(decoder, want.data, want.bytes, NULL, &whole, &err));
        REQUIRE(!lic_probe(want.data, want.bytes, &info, &err));
        CHECK(whole.width == image.width && whole.height == image.height);
        CHECK((info.tile_width == 0) ==
              (image.width <= sizes[i][2] && image.height <= sizes[i][2]));
        for (int t = 0; t < 3; t++)
            check_threads(&image, sizes[i][2], threads[t], &want, &whole);
        for (uint32_t y = info.tile_height; info.tile_height && y <= image.height;
             y += info.tile_height)
            for (uint32_t x = info.tile_width; x <= image.width; x += info.tile_width)
                for (uint32_t k = 0; k < 4; k++)
                    if (x - k % 2 < image.width && y - k / 2 < image.height)
                        check_crop(&want, &whole, x - k % 2, y - k / 2, 1, 1);
        lic_image_free(&whole);
        lic_buffer_free(&want);
        free(image.data);
    }
}

/* ---- progress and cancelling
 * -------------------------------------------------------------------*/

struct progress {
    double last;
    int calls, cancel_at, falls;
};

static int follow(void *user, lic_stage stage, double fraction)
{
    struct progress *p = user;
    (void)stage;
    p->falls += fraction < p->last || fraction > 1.0;
    p->last = fraction;
    return p->calls++ == p->cancel_at;
}

/* Both ways, of the whole picture or a part of it. */
static lic_status code_followed(const lic_image *image, const lic_buffer *file, int way,
                                struct progress *p)
{
    lic_options options;
    lic_encode_options encode_options;
    lic_decode_options o;
    lic_session *e = NULL;
    lic_session *d = NULL;
    lic_image out = {0};
    lic_buffer again = {0};
    lic_error err;
    lic_options_init(&options);
    lic_encode_options_init(&encode_options);
    lic_decode_options_init(&o);
    encode_options.tile_side = 64;
    o.crop_x = o.crop_y = way == 2 ? 70 : 0;
    o.crop_width = o.crop_height = way == 2 ? 10 : 0;
    options.progress = follow;
    options.progress_user = p;
    lic_status status = way ? lic_session_new(model, &options, &d, &err)
                            : lic_session_new(model, &options, &e, &err);
    if (!status)
        status = way ? lic_session_decode(d, file->data, file->bytes, &o, &out, &err)
                     : lic_session_encode(e, image, &encode_options, &again, &err);
    lic_session_free(e);
    lic_session_free(d);
    lic_buffer_free(&again);
    lic_image_free(&out);
    return status;
}

/* The fraction rises to 1, each tile its share, and once it is told to stop, no work is left to
 * tell of: the call ends within the tile. */
TEST(progress_by_tiles_and_cancelling_within_one)
{
    REQUIRE(open_all());
    const lic_image image = new_image(200, 200);
    lic_buffer file;
    REQUIRE(!encode(&image, 64, &file));
    for (int way = 0; way < 3; way++) {
        struct progress p = {.cancel_at = -1};
        CHECK_EQ_INT(code_followed(&image, &file, way, &p), LIC_OK);
        CHECK(p.falls == 0 && p.last > 0.999 && p.calls >= (way == 2 ? 9 : 16) * 2);
        for (int at = 0, all = p.calls; at < all; at += 5) {
            p = (struct progress){.cancel_at = at};
            CHECK_EQ_INT(code_followed(&image, &file, way, &p), LIC_ERR_CANCELLED);
            CHECK_EQ_INT(p.calls, at + 1);
        }
    }
    lic_buffer_free(&file);
    free(image.data);
}

/* Working memory is that of a tile and a few rows of latents, not of the picture's height. */
TEST(memory_is_bounded_by_tiles)
{
    REQUIRE(open_all());
    const uint64_t high = lic_plan_bytes(model, 3000, 60000, 0, 9000, 2),
                   low = lic_plan_bytes(model, 3000, 6000, 0, 9000, 2);
    printf("%llu and %llu bytes\n", (unsigned long long)low, (unsigned long long)high);
    CHECK(high < low + (1 << 20));
}

TEST(crops_outside_are_refused)
{
    static const uint32_t bad[][4] = {
        {0, 0, 101, 64}, {100, 0, 1, 1}, {0, 64, 1, 1}, {5, 5, 0, 3}, {1, 1, UINT32_MAX, 1}};
    REQUIRE(open_all());
    const lic_image image = new_image(100, 64);
    lic_buffer file;
    REQUIRE(!encode(&image, 0, &file));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        lic_decode_options options;
        lic_image part;
        lic_error err;
        lic_decode_options_init(&options);
        options.crop_x = bad[i][0];
        options.crop_y = bad[i][1];
        options.crop_width = bad[i][2];
        options.crop_height = bad[i][3];
        CHECK_EQ_INT(lic_session_decode(decoder, file.data, file.bytes, &options, &part, &err),
                     LIC_ERR_ARGUMENT);
        CHECK(!part.data);
    }
    lic_buffer_free(&file);
    free(image.data);
}

/* Rows between the library and an image of the test's, in order, each once. */
struct rows {
    const lic_image *image;
    uint32_t next;
    int in_order, is_sink;
};

static int move_rows(void *user, uint32_t first_row, uint32_t n_rows, void *rows,
                     size_t stride_bytes)
{
    struct rows *r = user;
    r->in_order &= first_row == r->next;
    r->next += n_rows;
    for (uint32_t i = 0; i < n_rows; i++) {
        uint8_t *mine = (uint8_t *)r->image->data + (first_row + i) * r->image->stride_bytes;
        uint8_t *theirs = (uint8_t *)rows + i * stride_bytes;
        memcpy(r->is_sink ? mine : theirs, r->is_sink ? theirs : mine, 3 * (size_t)r->image->width);
    }
    return 0;
}

TEST(rows_give_the_same_as_pictures_in_memory)
{
    static const uint32_t sizes[][2] = {{1, 1},     {1, 400},  {17, 33}, {200, 1},
                                        {190, 333}, {128, 64}, {129, 65}};
    REQUIRE(open_all());
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const lic_image image = new_image(sizes[i][0], sizes[i][1]),
                        copy = new_image(sizes[i][0], sizes[i][1]);
        lic_encode_options options;
        lic_buffer a, b;
        lic_image whole;
        lic_error err;
        struct rows in = {&image, 0, 1, 0}, out = {&copy, 0, 1, 1};
        lic_encode_options_init(&options);
        options.tile_side = 128;
        REQUIRE(!encode(&image, 128, &a));
        REQUIRE(!encode_rows(encoder, &image, move_rows, &in, &options, &b, &err));
        CHECK(in.in_order && in.next == image.height);
        CHECK(a.bytes == b.bytes && !memcmp(a.data, b.data, a.bytes));
        REQUIRE(!lic_session_decode(decoder, a.data, a.bytes, NULL, &whole, &err));
        REQUIRE(!decode_rows(decoder, a.data, a.bytes, NULL, move_rows, &out, &err));
        CHECK(out.in_order && out.next == image.height);
        CHECK(!memcmp(whole.data, copy.data, whole.stride_bytes * whole.height));
        lic_image_free(&whole);
        lic_buffer_free(&a);
        lic_buffer_free(&b);
        free(image.data);
        free(copy.data);
    }
}

/* The check in the head is that of the tiles' checks: a file in which they disagree is refused,
 * even if its checksum is right. (Once it was not looked at.) */
TEST(check_in_the_head_is_that_of_the_tiles)
{
    enum { CHECK_AT = 4 + 1 + 2 + 1 + 2 + 4 + 2, CRC_AT = CHECK_AT + 4 }; /* 130 x 70 */
    REQUIRE(open_all());
    const lic_image image = new_image(130, 70);
    lic_buffer file;
    lic_image out;
    lic_error err;
    REQUIRE(!encode(&image, 64, &file));
    file.data[CHECK_AT] ^= 1;
    seal(file.data, file.bytes, CRC_AT);
    CHECK_EQ_INT(lic_session_decode(decoder, file.data, file.bytes, NULL, &out, &err),
                 LIC_ERR_CORRUPT);
    file.data[CHECK_AT] ^= 1;
    seal(file.data, file.bytes, CRC_AT);
    REQUIRE(!lic_session_decode(decoder, file.data, file.bytes, NULL, &out, &err));
    lic_image_free(&out);
    lic_buffer_free(&file);
    free(image.data);
}

/* Any byte of a file in tiles. */
TEST(flipped_bytes_are_noticed)
{
    REQUIRE(open_all());
    const lic_image image = new_image(130, 70);
    lic_buffer file;
    REQUIRE(!encode(&image, 64, &file));
    for (size_t i = 0; i < file.bytes; i++) {
        lic_image out;
        lic_error err;
        file.data[i] ^= 0x10;
        CHECK(lic_session_decode(decoder, file.data, file.bytes, NULL, &out, &err) != LIC_OK);
        file.data[i] ^= 0x10;
    }
    lic_buffer_free(&file);
    free(image.data);
}
