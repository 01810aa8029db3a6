/* test_codec.c - lic_encode and lic_decode on the tiny network: round trips of all sizes and kinds
 * of samples, arguments, limits, cancelling, damaged streams, other models, the caller's
 * floating-point mode. Memory is in test_codec_memory.c, threads in test_codec_threads.c. */
#include "tests/unit/codec_fixture.h"

/* ---- round trips ----------------------------------------------------------------------------- */

static double mean_difference(const lic_image *a, const lic_image *b)
{
    double sum = 0;
    const size_t n = (size_t)a->width * a->height * a->channels;
    for (size_t i = 0; i < n; i++) {
        uint16_t v[2] = {0};
        if (a->depth == 8) {
            v[0] = ((const uint8_t *)a->data)[i];
            v[1] = ((const uint8_t *)b->data)[i];
        } else {
            memcpy(&v[0], (const uint8_t *)a->data + 2 * i, 2);
            memcpy(&v[1], (const uint8_t *)b->data + 2 * i, 2);
        }
        sum += abs((int)v[0] - (int)v[1]);
    }
    return sum / (double)n;
}

static void round_trip(uint32_t width, uint32_t height, uint32_t channels, uint32_t depth)
{
    lic_image in = make_picture(width, height, channels, depth), out;
    const lic_options options = with_threads(2);
    lic_buffer file = encode_tiny(tiny_model(), &in, &options, 60);
    lic_info info;
    lic_error err = {0};
    REQUIRE(file.bytes > 0);
    CHECK_EQ_INT(lic_probe(file.data, file.bytes, &info, &err), LIC_OK);
    CHECK(info.width == width && info.height == height);
    CHECK(info.channels == channels && info.depth == depth);
    CHECK(info.quality > 59.99 && info.quality < 60.01);
    CHECK(file.bytes - info.latent_bytes <= 24); /* head and checksum */
    CHECK_EQ_INT(lic_decode(tiny_model(), file.data, file.bytes, &options, NULL, &out, &err),
                 LIC_OK);
    REQUIRE(out.data != NULL);
    CHECK(out.width == width && out.height == height);
    CHECK(out.channels == channels && out.depth == depth);
    CHECK(out.stride_bytes == in.stride_bytes);
    CHECK(mean_difference(&in, &out) > 0); /* random weights: no likeness, but a picture */
    lic_image_free(&out);
    CHECK(out.data == NULL);
    lic_image_free(&out);
    lic_buffer_free(&file);
    CHECK(file.data == NULL);
    lic_buffer_free(&file);
    free(in.data);
}

TEST(codec_round_trips)
{
    static const uint32_t sizes[][2] = {{1, 1}, {1, 130}, {65, 1}, {63, 64}, {64, 65}, {90, 40}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (uint32_t kind = 0; kind < 4; kind++)
            round_trip(sizes[i][0], sizes[i][1], kind % 2 ? 1 : 3, kind / 2 ? 16 : 8);
}

/* Depth asked for: 8 bits of a 16-bit stream are its 16 bits rounded. */
TEST(codec_depth_of_the_output)
{
    lic_image in = make_picture(33, 20, 3, 16), narrow = {0}, wide = {0};
    lic_buffer file = encode_tiny(tiny_model(), &in, NULL, 60);
    lic_error err = {0};
    const lic_decode_options of_8 = of_depth(8), of_16 = of_depth(16);
    CHECK_EQ_INT(lic_decode(tiny_model(), file.data, file.bytes, NULL, &of_8, &narrow, &err),
                 LIC_OK);
    CHECK_EQ_INT(lic_decode(tiny_model(), file.data, file.bytes, NULL, &of_16, &wide, &err),
                 LIC_OK);
    CHECK(narrow.depth == 8 && wide.depth == 16);
    for (size_t i = 0; narrow.data && wide.data && i < 33 * 20 * 3; i++) {
        uint16_t v;
        memcpy(&v, (uint8_t *)wide.data + 2 * i, 2);
        const int step = abs(v - 257 * ((uint8_t *)narrow.data)[i]);
        CHECK(step <= 129);
    }
    lic_image_free(&narrow);
    lic_image_free(&wide);
    lic_buffer_free(&file);
    free(in.data);
}

/* Rows further apart than they are long: what lies between does not matter. */
TEST(codec_stride)
{
    lic_image in = make_picture(30, 20, 3, 8), padded = in;
    padded.stride_bytes = 30 * 3 + 7;
    padded.data = malloc(padded.stride_bytes * 20);
    REQUIRE(padded.data != NULL);
    memset(padded.data, 0xAB, padded.stride_bytes * 20);
    for (size_t y = 0; y < 20; y++)
        memcpy((uint8_t *)padded.data + y * padded.stride_bytes, (uint8_t *)in.data + y * 90, 90);
    lic_buffer a = encode_tiny(tiny_model(), &in, NULL, 40),
               b = encode_tiny(tiny_model(), &padded, NULL, 40);
    check_same_bytes(&a, &b);
    lic_buffer_free(&a);
    lic_buffer_free(&b);
    free(padded.data);
    free(in.data);
}

/* Contexts serve many pictures, of falling and rising sizes; each call as if it were the first. */
TEST(codec_contexts_are_reused)
{
    static const uint32_t sides[] = {40, 200, 10, 130};
    lic_session *encoder = NULL;
    lic_session *decoder = NULL;
    const lic_options options = with_threads(2);
    lic_error err;
    REQUIRE(lic_session_new(tiny_model(), &options, &encoder, &err) == LIC_OK);
    REQUIRE(lic_session_new(tiny_model(), &options, &decoder, &err) == LIC_OK);
    for (size_t i = 0; i < 4; i++) {
        lic_image in = make_picture(sides[i], sides[3 - i], 3, 8), first, again;
        lic_buffer a, b = encode_tiny(tiny_model(), &in, NULL, 50);
        REQUIRE(lic_session_encode(encoder, &in, NULL, &a, &err) == LIC_OK);
        check_same_bytes(&a, &b);
        REQUIRE(lic_decode(tiny_model(), b.data, b.bytes, NULL, NULL, &first, &err) == LIC_OK);
        REQUIRE(lic_session_decode(decoder, a.data, a.bytes, NULL, &again, &err) == LIC_OK);
        check_same_pixels(&first, &again);
        lic_stats e, d;
        lic_session_get_stats(encoder, &e);
        lic_session_get_stats(decoder, &d);
        CHECK(e.check_latents == d.check_latents && e.latent_bytes == d.latent_bytes);
        lic_image_free(&first);
        lic_image_free(&again);
        lic_buffer_free(&a);
        lic_buffer_free(&b);
        free(in.data);
    }
    lic_session_free(encoder);
    lic_session_free(decoder);
    lic_session_free(NULL);
    lic_session_free(NULL);
}

/* ---- arguments and limits -------------------------------------------------------------------- */

static lic_status encode_status(const lic_image *image, const lic_options *options, double quality)
{
    const lic_encode_options e = at_quality(quality);
    lic_buffer out = {(uint8_t *)1, 1, NULL};
    lic_error err = {0};
    const lic_status status = lic_encode(tiny_model(), image, options, &e, &out, &err);
    CHECK_EQ_INT(err.status, status);
    CHECK((status == LIC_OK) == (err.text[0] == 0));
    CHECK((status == LIC_OK) == (out.data != NULL));
    lic_buffer_free(&out);
    return status;
}

TEST(codec_bad_pictures_and_options)
{
    lic_image p = make_picture(20, 20, 3, 8), wrong;
    lic_options options;
#define WRONG(change)                                                                              \
    wrong = p;                                                                                     \
    wrong.change;                                                                                  \
    CHECK_EQ_INT(encode_status(&wrong, NULL, 50), LIC_ERR_ARGUMENT)
    WRONG(data = NULL);
    WRONG(width = 0);
    WRONG(height = 0);
    WRONG(width = 65536);
    WRONG(height = UINT32_MAX);
    WRONG(channels = 0);
    WRONG(channels = 5);
    WRONG(depth = 10);
    WRONG(stride_bytes = 59);
    CHECK_EQ_INT(encode_status(&p, NULL, -0.001), LIC_ERR_ARGUMENT);
    CHECK_EQ_INT(encode_status(&p, NULL, 100.001), LIC_ERR_ARGUMENT);
    const double nan = strtod("nan", NULL);
    CHECK_EQ_INT(encode_status(&p, NULL, nan), LIC_ERR_ARGUMENT);
    options = with_threads(-1);
    CHECK_EQ_INT(encode_status(&p, &options, 50), LIC_ERR_ARGUMENT);
    options = with_threads(257);
    CHECK_EQ_INT(encode_status(&p, &options, 50), LIC_ERR_ARGUMENT);
    options = with_threads(1);
    options.struct_bytes = sizeof(size_t) - 1;
    CHECK_EQ_INT(encode_status(&p, &options, 50), LIC_ERR_ARGUMENT);
    options = with_threads(1);
    options.cpu = (lic_cpu)99;
    CHECK_EQ_INT(encode_status(&p, &options, 50), LIC_ERR_UNSUPPORTED);
    CHECK_EQ_INT(encode_status(&p, NULL, 0), LIC_OK);
    CHECK_EQ_INT(encode_status(&p, NULL, 100), LIC_OK);
    free(p.data);
}

/* Options from another version, or from nowhere: nothing behind their size is looked at. */
TEST(codec_foreign_options_are_not_read)
{
    lic_options foreign;
    lic_session *encoder = (lic_session *)&foreign;
    lic_session *decoder = (lic_session *)&foreign;
    lic_error err;
    memset(&foreign, 0x5A, sizeof foreign); /* the allocator as well */
    CHECK_EQ_INT(lic_session_new(tiny_model(), &foreign, &encoder, &err), LIC_ERR_ARGUMENT);
    CHECK_EQ_INT(lic_session_new(tiny_model(), &foreign, &decoder, &err), LIC_ERR_ARGUMENT);
    CHECK(!encoder && !decoder);
}

TEST(codec_missing_arguments)
{
    lic_image p = make_picture(20, 20, 3, 8), out;
    lic_buffer file;
    lic_error err;
    CHECK_EQ_INT(lic_encode(NULL, &p, NULL, NULL, &file, &err), LIC_ERR_ARGUMENT);
    CHECK_EQ_INT(lic_encode(tiny_model(), NULL, NULL, NULL, &file, &err), LIC_ERR_ARGUMENT);
    CHECK_EQ_INT(lic_encode(tiny_model(), &p, NULL, NULL, NULL, NULL), LIC_ERR_ARGUMENT);
    CHECK_EQ_INT(lic_session_new(tiny_model(), NULL, NULL, &err), LIC_ERR_ARGUMENT);
    CHECK_EQ_INT(lic_decode(NULL, "x", 1, NULL, NULL, &out, &err), LIC_ERR_NOT_LIC);
    CHECK_EQ_INT(lic_decode(tiny_model(), NULL, 0, NULL, NULL, &out, &err), LIC_ERR_ARGUMENT);
    CHECK_EQ_INT(lic_decode(tiny_model(), "", 0, NULL, NULL, &out, &err), LIC_ERR_TRUNCATED);
    CHECK(out.data == NULL);
    lic_buffer made = encode_tiny(tiny_model(), &p, NULL, 10);
    const lic_decode_options of_12 = of_depth(12);
    CHECK_EQ_INT(lic_decode(tiny_model(), made.data, made.bytes, NULL, &of_12, &out, &err),
                 LIC_ERR_ARGUMENT);
    CHECK_EQ_INT(lic_decode(tiny_model(), made.data, made.bytes, NULL, NULL, NULL, &err),
                 LIC_ERR_ARGUMENT);
    lic_buffer_free(&made);
    free(p.data);
}

TEST(codec_max_pixels)
{
    lic_image p = make_picture(20, 21, 3, 8), out;
    lic_options options = with_threads(1);
    lic_error err;
    lic_buffer file = encode_tiny(tiny_model(), &p, NULL, 10);
    options.max_pixels = 20 * 21;
    CHECK_EQ_INT(encode_status(&p, &options, 50), LIC_OK);
    CHECK_EQ_INT(lic_decode(tiny_model(), file.data, file.bytes, &options, NULL, &out, &err),
                 LIC_OK);
    lic_image_free(&out);
    options.max_pixels--;
    CHECK_EQ_INT(encode_status(&p, &options, 50), LIC_ERR_LIMIT);
    CHECK_EQ_INT(lic_decode(tiny_model(), file.data, file.bytes, &options, NULL, &out, &err),
                 LIC_ERR_LIMIT);
    CHECK(out.data == NULL);
    lic_buffer_free(&file);
    free(p.data);
}

/* Every multiply-add belongs to one part, and no part takes longer than all. */
static void check_parts(const lic_session *session, lic_part one, lic_part none)
{
    lic_stats stats;
    uint64_t macs = 0;
    double seconds = 0, stages = 0;
    lic_session_get_stats(session, &stats);
    for (int i = 0; i < LIC_N_PARTS; i++) {
        CHECK(lic_part_name((lic_part)i) != NULL && stats.part_seconds[i] >= 0);
        macs += stats.part_multiply_adds[i];
        seconds += stats.part_seconds[i];
    }
    for (int i = 0; i < LIC_N_STAGES; i++)
        stages += stats.seconds[i];
    CHECK(macs == stats.multiply_adds && macs > 0);
    CHECK(stages > 0 && seconds > 0.99 * stages);
    CHECK(stats.part_multiply_adds[one] > 0 && stats.part_seconds[one] > 0);
    CHECK(stats.part_multiply_adds[none] == 0);
    CHECK(stats.part_multiply_adds[LIC_PART_SYMBOLS] == 0);
}

TEST(codec_parts_are_all_of_it)
{
    lic_image p = make_picture(70, 50, 3, 8), out;
    const lic_options options = with_threads(2);
    lic_session *session = NULL;
    lic_buffer file;
    REQUIRE(lic_session_new(tiny_model(), &options, &session, NULL) == LIC_OK);
    REQUIRE(lic_session_encode(session, &p, NULL, &file, NULL) == LIC_OK);
    check_parts(session, LIC_PART_G_A_2, LIC_PART_G_S_2);
    REQUIRE(lic_session_decode(session, file.data, file.bytes, NULL, &out, NULL) == LIC_OK);
    check_parts(session, LIC_PART_G_S_2, LIC_PART_G_A_2);
    CHECK(lic_part_name(LIC_N_PARTS) == NULL && lic_part_name((lic_part)-1) == NULL);
    CHECK(lic_kernel_rate(LIC_CPU_AUTO) > 0 && lic_kernel_rate(LIC_CPU_SCALAR) > 0);
    CHECK(lic_kernel_rate((lic_cpu)99) == 0);
    CHECK(lic_byte_kernel_rate(LIC_CPU_AUTO) > 0 && lic_byte_kernel_rate(LIC_CPU_SCALAR) > 0);
    CHECK(lic_byte_kernel_rate((lic_cpu)99) == 0);
    lic_image_free(&out);
    lic_buffer_free(&file);
    lic_session_free(session);
    free(p.data);
}

/* ---- progress and cancelling ----------------------------------------------------------------- */

typedef struct calls {
    int n, stop_at; /* this call asks to stop; -1: none */
    double last;
} calls;

static int on_progress(void *user, lic_stage stage, double fraction)
{
    calls *c = user;
    CHECK(stage < LIC_N_STAGES);
    CHECK(fraction >= c->last && fraction <= 1.0 + 1e-12);
    c->last = fraction;
    return c->n++ == c->stop_at;
}

/* Stopped at every call in turn: always LIC_ERR_CANCELLED, and the context works on. */
TEST(codec_cancel_anywhere)
{
    lic_image p = make_picture(70, 50, 3, 8), out;
    calls c = {.stop_at = -1};
    lic_options options = with_threads(2);
    lic_session *encoder = NULL;
    lic_session *decoder = NULL;
    lic_buffer file, again;
    lic_error err;
    options.progress = on_progress;
    options.progress_user = &c;
    REQUIRE(lic_session_new(tiny_model(), &options, &encoder, &err) == LIC_OK);
    REQUIRE(lic_session_new(tiny_model(), &options, &decoder, &err) == LIC_OK);
    REQUIRE(lic_session_encode(encoder, &p, NULL, &file, &err) == LIC_OK);
    const int n_encode = c.n;
    CHECK(n_encode > 3 && c.last > 0.999);
    c = (calls){.stop_at = -1};
    REQUIRE(lic_session_decode(decoder, file.data, file.bytes, NULL, &out, &err) == LIC_OK);
    lic_image_free(&out);
    const int n_decode = c.n;
    CHECK(n_decode > 3 && c.last > 0.999);
    for (int i = 0; i < n_encode; i++) {
        c = (calls){.stop_at = i};
        CHECK_EQ_INT(lic_session_encode(encoder, &p, NULL, &again, &err), LIC_ERR_CANCELLED);
        CHECK(again.data == NULL);
        CHECK_EQ_INT(c.n, i + 1); /* nobody is asked again */
    }
    for (int i = 0; i < n_decode; i++) {
        c = (calls){.stop_at = i};
        CHECK_EQ_INT(lic_session_decode(decoder, file.data, file.bytes, NULL, &out, &err),
                     LIC_ERR_CANCELLED);
        CHECK(out.data == NULL);
        CHECK_EQ_INT(c.n, i + 1);
    }
    c = (calls){.stop_at = -1};
    REQUIRE(lic_session_encode(encoder, &p, NULL, &again, &err) == LIC_OK);
    check_same_bytes(&again, &file);
    lic_buffer_free(&again);
    lic_buffer_free(&file);
    lic_session_free(encoder);
    lic_session_free(decoder);
    free(p.data);
}

TEST(codec_version)
{
    CHECK_EQ_STR(lic_version(), LIC_VERSION);
}
