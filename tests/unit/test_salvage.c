/* test_salvage.c - streams that were cut: what is left of them is shown, what is missing is as
 * predicted, and other damage is refused; reading only some slices. */
#include "tests/unit/codec_fixture.h"

static lic_session *decoder_of(const lic_model *model)
{
    static lic_session *decoder;
    const lic_options options = with_threads(1);
    if (!decoder && lic_session_new(model, &options, &decoder, NULL))
        exit(2);
    return decoder;
}

static lic_decode_options salvaging(void)
{
    lic_decode_options o;
    lic_decode_options_init(&o);
    o.salvage = 1;
    return o;
}

static lic_buffer file_in_tiles(const lic_image *picture, uint32_t side, double quality)
{
    lic_encode_options e = at_quality(quality);
    lic_buffer file = {0};
    e.tile_side = side;
    CHECK_EQ_INT(lic_encode(tiny_model(), picture, NULL, &e, &file, NULL), LIC_OK);
    return file;
}

static size_t bytes_before_latents(const lic_buffer *file)
{
    lic_info info = {0};
    CHECK_EQ_INT(lic_probe(file->data, file->bytes, &info, NULL), LIC_OK);
    return file->bytes - info.latent_bytes;
}

/* Mean square of the difference. */
static double distance(const lic_image *a, const lic_image *b)
{
    const uint8_t *p = a->data, *q = b->data;
    double sum = 0;
    for (size_t i = 0; i < image_bytes(a); i++)
        sum += (p[i] - q[i]) * (p[i] - q[i]);
    return sum / (double)image_bytes(a);
}

/* Decodes the first n bytes from a block of just that size. */
static lic_status decode_cut(const lic_buffer *file, size_t n, const lic_decode_options *options,
                             lic_image *out, lic_stats *stats, lic_error *err)
{
    uint8_t *copy = malloc(n ? n : 1);
    memcpy(copy, file->data, n);
    *err = (lic_error){0};
    const lic_status status =
        lic_session_decode(decoder_of(tiny_model()), copy, n, options, out, err);
    lic_session_get_stats(decoder_of(tiny_model()), stats);
    free(copy);
    return status;
}

/* Cuts a file at every byte. In the head: a clean error. Behind it: a picture that comes nearer and
 * nearer to the whole one, and never says that it was whole. */
static void cut_everywhere(const lic_buffer *file, const lic_image *whole)
{
    const lic_decode_options options = salvaging();
    const size_t head = bytes_before_latents(file);
    double worst = 0, last = 0, first = 0;
    uint32_t most = 0;
    for (size_t n = 0; n < file->bytes; n++) {
        lic_image out;
        lic_stats stats;
        lic_error err;
        const lic_status status = decode_cut(file, n, &options, &out, &stats, &err);
        if (n < head) {
            CHECK((status == LIC_ERR_TRUNCATED || status == LIC_ERR_CORRUPT) && err.text[0]);
            CHECK(!out.data);
            continue;
        }
        if (test_failed(status == LIC_OK)) {
            printf("cut to %zu of %zu: %s %s\n", n, file->bytes, lic_status_name(status), err.text);
            continue;
        }
        last = distance(&out, whole);
        first = n == head ? last : first;
        worst = last > worst ? last : worst;
        CHECK(stats.n_whole_tiles < stats.n_tiles && stats.n_whole_slices < stats.n_slices);
        CHECK(stats.n_tiles > 1 || stats.n_whole_slices >= most);
        CHECK(stats.n_whole_tiles >= (stats.n_tiles > 1 ? most : 0));
        most = stats.n_tiles > 1 ? stats.n_whole_tiles : stats.n_whole_slices;
        lic_image_free(&out);
    }
    printf("mean square error %.1f with nothing, %.1f at worst, %.2f at last\n", first, worst,
           last);
    CHECK(worst <= 1.5 * first && last < first / 4 && most > 0);
}

TEST(salvage_cut_at_every_byte)
{
    lic_image p = make_picture(60, 30, 3, 8), whole;
    lic_buffer file = encode_tiny(tiny_model(), &p, NULL, 30);
    REQUIRE(!lic_decode(tiny_model(), file.data, file.bytes, NULL, NULL, &whole, NULL));
    cut_everywhere(&file, &whole);
    lic_image_free(&whole);
    lic_buffer_free(&file);
    free(p.data);
}

TEST(salvage_tiles_cut_at_every_byte)
{
    lic_image p = make_picture(130, 20, 3, 8), whole;
    lic_buffer file = file_in_tiles(&p, 64, 30);
    REQUIRE(!lic_decode(tiny_model(), file.data, file.bytes, NULL, NULL, &whole, NULL));
    cut_everywhere(&file, &whole);
    lic_image_free(&whole);
    lic_buffer_free(&file);
    free(p.data);
}

/* A whole file is decoded as ever, and says that all of it was there. */
TEST(salvage_of_a_whole_file)
{
    for (uint32_t side = 64; side <= 1024; side *= 16) {
        lic_image p = make_picture(150, 100, 3, 8), whole, out;
        lic_buffer file = file_in_tiles(&p, side, 60);
        const lic_decode_options options = salvaging();
        lic_stats stats;
        lic_error err;
        REQUIRE(!lic_decode(tiny_model(), file.data, file.bytes, NULL, NULL, &whole, NULL));
        REQUIRE(!decode_cut(&file, file.bytes, &options, &out, &stats, &err));
        check_same_pixels(&out, &whole);
        CHECK(stats.n_whole_tiles == stats.n_tiles && stats.n_whole_slices == stats.n_slices);
        CHECK_EQ_INT(stats.n_tiles, side == 64 ? 6 : 1);
        CHECK_EQ_INT(stats.n_slices, 3);
        lic_image_free(&whole);
        lic_image_free(&out);
        lic_buffer_free(&file);
        free(p.data);
    }
}

/* The tiles before the cut, and what lies more than a halo away from the missing ones, are whole.
 */
TEST(salvage_leaves_whole_tiles_alone)
{
    lic_image p = make_picture(384, 64, 3, 8), whole, out;
    lic_buffer file = file_in_tiles(&p, 64, 60);
    const lic_decode_options options = salvaging();
    lic_stats stats;
    lic_error err;
    REQUIRE(!lic_decode(tiny_model(), file.data, file.bytes, NULL, NULL, &whole, NULL));
    REQUIRE(!decode_cut(&file, file.bytes - 1, &options, &out, &stats, &err));
    CHECK_EQ_INT(stats.n_tiles, 6);
    CHECK_EQ_INT(stats.n_whole_tiles, 5);
    for (uint32_t y = 0; y < 64; y++)
        CHECK_EQ_MEM((uint8_t *)out.data + y * out.stride_bytes,
                     (uint8_t *)whole.data + y * whole.stride_bytes, 3 * 256);
    lic_decode_options part = salvaging(); /* of the whole tiles alone */
    lic_image_free(&out);
    part.crop_width = 200;
    part.crop_height = 64;
    REQUIRE(!decode_cut(&file, file.bytes - 1, &part, &out, &stats, &err));
    CHECK_EQ_INT(stats.n_whole_tiles, stats.n_tiles);
    for (uint32_t y = 0; y < 64; y++)
        CHECK_EQ_MEM((uint8_t *)out.data + y * out.stride_bytes,
                     (uint8_t *)whole.data + y * whole.stride_bytes, 600);
    lic_image_free(&out);
    lic_image_free(&whole);
    lic_buffer_free(&file);
    free(p.data);
}

/* ---- damage that is no cut --------------------------------------------------------------------*/

/* Flips every byte of a file of full length; how many of these are refused. */
static size_t flips_refused(const lic_buffer *file, size_t from, size_t to)
{
    const lic_decode_options options = salvaging();
    size_t refused = 0;
    for (size_t i = from; i < to; i++) {
        lic_image out;
        lic_stats stats;
        lic_error err;
        const uint8_t flip = (uint8_t)(1 + test_random_below(255));
        file->data[i] ^= flip;
        refused += decode_cut(file, file->bytes, &options, &out, &stats, &err) != LIC_OK;
        CHECK(!out.data || stats.n_whole_tiles < stats.n_tiles);
        lic_image_free(&out);
        file->data[i] ^= flip;
    }
    return refused;
}

/* The checksum tells of one byte, wherever it is. (On photographs the code of a damaged file of one
 * tile seldom ends early: it was taken for cut.) */
TEST(salvage_refuses_a_wrong_byte)
{
    const uint8_t profile[200] = {1, 2, 3};
    const lic_chunk chunk = {.type = "iccp", .data = profile, .bytes = sizeof profile};
    for (uint32_t side = 64; side <= 1024; side *= 16) {
        lic_image p = make_picture(100, 30, 3, 8);
        lic_encode_options e = at_quality(30);
        lic_buffer file;
        e.chunks = &chunk;
        e.n_chunks = 1;
        e.tile_side = side;
        REQUIRE(!lic_encode(tiny_model(), &p, NULL, &e, &file, NULL));
        CHECK_EQ_INT(flips_refused(&file, 0, file.bytes), file.bytes);
        lic_buffer_free(&file);
        free(p.data);
    }
}

static void random_bytes(uint8_t *at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        at[i] = (uint8_t)test_random();
}

/* More than a byte: in tiles the check of each tells, unless a length is hit so that the file looks
 * cut; in one tile, if the code turns out too long for its symbols. */
TEST(salvage_refuses_damage_that_shows)
{
    for (uint32_t side = 64; side <= 1024; side *= 16) {
        lic_image p = make_picture(130, 20, 3, 8);
        lic_buffer file = file_in_tiles(&p, side, 30);
        const lic_decode_options options = salvaging();
        const size_t head = bytes_before_latents(&file);
        size_t refused = 0, n = 0;
        for (size_t at = head; at + 6 < file.bytes; at += 5, n++) {
            uint8_t old[6];
            lic_image out;
            lic_stats stats;
            lic_error err;
            memcpy(old, file.data + at, sizeof old);
            random_bytes(file.data + at, sizeof old);
            refused += decode_cut(&file, file.bytes, &options, &out, &stats, &err) != LIC_OK;
            CHECK(!out.data || stats.n_whole_tiles < stats.n_tiles);
            lic_image_free(&out);
            memcpy(file.data + at, old, sizeof old);
        }
        printf("%zu of %zu refused\n", refused, n);
        CHECK(side == 64 ? n - refused <= 8 : refused > 0);
        lic_buffer_free(&file);
        free(p.data);
    }
}

/* Bytes behind the end. */
TEST(salvage_refuses_a_longer_file)
{
    lic_image p = make_picture(60, 30, 3, 8), out;
    lic_buffer file = encode_tiny(tiny_model(), &p, NULL, 30);
    const lic_decode_options options = salvaging();
    uint8_t *longer = calloc(1, file.bytes + 300);
    memcpy(longer, file.data, file.bytes);
    for (size_t more = 1; more < 300; more += 13) {
        const lic_buffer padded = {longer, file.bytes + more, NULL};
        lic_stats stats;
        lic_error err;
        longer[file.bytes + more - 1] = 7;
        CHECK_EQ_INT(decode_cut(&padded, padded.bytes, &options, &out, &stats, &err),
                     LIC_ERR_CORRUPT);
    }
    free(longer);
    lic_buffer_free(&file);
    free(p.data);
}

/* ---- some slices ------------------------------------------------------------------------------*/

TEST(salvage_is_off_by_default)
{
    lic_image p = make_picture(60, 30, 3, 8), out;
    lic_buffer file = encode_tiny(tiny_model(), &p, NULL, 30);
    lic_error err;
    CHECK_EQ_INT(lic_decode(tiny_model(), file.data, file.bytes - 5, NULL, NULL, &out, &err),
                 LIC_ERR_CORRUPT);
    lic_buffer_free(&file);
    free(p.data);
}

/* Each slice brings the picture nearer; all of them, or more than there are, are the picture. */
TEST(slices_come_nearer_one_by_one)
{
    for (uint32_t side = 64; side <= 1024; side *= 16) {
        lic_image p = make_picture(150, 100, 3, 8), whole;
        lic_buffer file = file_in_tiles(&p, side, 80);
        double before = 1e9;
        REQUIRE(!lic_decode(tiny_model(), file.data, file.bytes, NULL, NULL, &whole, NULL));
        for (uint32_t n = 1; n <= 4; n++) {
            lic_decode_options options;
            lic_image out;
            lic_stats stats;
            lic_error err;
            lic_decode_options_init(&options);
            options.n_slices = n;
            REQUIRE(!decode_cut(&file, file.bytes, &options, &out, &stats, &err));
            CHECK_EQ_INT(stats.n_slices, n < 3 ? n : 3);
            CHECK_EQ_INT(stats.n_whole_slices, stats.n_slices);
            CHECK_EQ_INT(stats.n_whole_tiles, stats.n_tiles);
            const double now = distance(&out, &whole);
            CHECK(n < 3 ? now > 0 && now < before : now == 0);
            before = now;
            lic_image_free(&out);
        }
        lic_image_free(&whole);
        lic_buffer_free(&file);
        free(p.data);
    }
}

/* The first slices of a cut file are whole if the cut comes behind them. */
TEST(slices_before_the_cut_are_whole)
{
    lic_image p = make_picture(60, 30, 3, 8), want, out;
    lic_buffer file = encode_tiny(tiny_model(), &p, NULL, 30);
    lic_decode_options options = salvaging();
    lic_stats stats;
    lic_error err;
    options.n_slices = 1;
    REQUIRE(!decode_cut(&file, file.bytes, &options, &want, &stats, &err));
    REQUIRE(!decode_cut(&file, file.bytes - 9, &options, &out, &stats, &err));
    CHECK_EQ_INT(stats.n_whole_tiles, 1);
    check_same_pixels(&out, &want);
    lic_image_free(&out);
    REQUIRE(!decode_cut(&file, bytes_before_latents(&file) + 10, &options, &out, &stats, &err));
    CHECK_EQ_INT(stats.n_whole_tiles, 0);
    lic_image_free(&out);
    lic_image_free(&want);
    lic_buffer_free(&file);
    free(p.data);
}
