/* test_outputs.c - whatever the error, and however early it is found, a call leaves its output
 * empty, so a caller that frees it frees nothing. (A wrong argument once left it as it was.) */
#include "tests/unit/codec_fixture.h"

#include <stdbool.h>

/* Outputs before a call, as on a stack that was used before. */
static void soil(void *out, size_t bytes)
{
    memset(out, 0x5A, bytes);
}

/* Whether all bytes are 0: no pointer and no size. */
static bool is_empty(const void *out, size_t bytes)
{
    const uint8_t *at = out;
    for (size_t i = 0; i < bytes; i++)
        if (at[i])
            return false;
    return true;
}

/* The call, which has &out among its arguments, must find this error and empty out. */
#define EMPTIES(type, call, error)                                                                 \
    do {                                                                                           \
        type out;                                                                                  \
        soil(&out, sizeof out);                                                                    \
        CHECK_EQ_INT(call, error);                                                                 \
        CHECK(is_empty(&out, sizeof out));                                                         \
    } while (0)

static lic_options foreign_options(void)
{
    lic_options o = with_threads(1);
    o.struct_bytes = 3;
    return o;
}

static int no_rows(void *user, uint32_t first, uint32_t n, void *rows, size_t stride)
{
    (void)user;
    (void)first;
    (void)n;
    (void)rows;
    (void)stride;
    return 1;
}

TEST(outputs_of_a_model)
{
    lic_model_options foreign, missing;
    lic_model_options_init(&foreign);
    lic_model_options_init(&missing);
    foreign.struct_bytes = 3;
    missing.backend = (lic_backend)99;
    EMPTIES(lic_model *, lic_model_open(NULL, NULL, &out, NULL), LIC_ERR_ARGUMENT);
    EMPTIES(lic_model *, lic_model_open("x", &foreign, &out, NULL), LIC_ERR_ARGUMENT);
    EMPTIES(lic_model *, lic_model_open("x", &missing, &out, NULL), LIC_ERR_UNSUPPORTED);
    EMPTIES(lic_model *, lic_model_open("/nonexistent", NULL, &out, NULL), LIC_ERR_MODEL_OPEN);
}

TEST(outputs_of_a_context)
{
    const lic_options foreign = foreign_options(), negative = with_threads(-1);
    const lic_model *model = tiny_model();
    EMPTIES(lic_session *, lic_session_new(model, &foreign, &out, NULL), LIC_ERR_ARGUMENT);
    EMPTIES(lic_session *, lic_session_new(model, &negative, &out, NULL), LIC_ERR_ARGUMENT);
    EMPTIES(lic_session *, lic_session_new(model, &foreign, &out, NULL), LIC_ERR_ARGUMENT);
    EMPTIES(lic_session *, lic_session_new(model, &negative, &out, NULL), LIC_ERR_ARGUMENT);
}

TEST(outputs_of_a_probe)
{
    EMPTIES(lic_info, lic_probe(NULL, 1, &out, NULL), LIC_ERR_ARGUMENT);
    EMPTIES(lic_info, lic_probe(NULL, 0, &out, NULL), LIC_ERR_TRUNCATED);
    EMPTIES(lic_info, lic_probe("PNG", 3, &out, NULL), LIC_ERR_NOT_LIC);
}

TEST(outputs_of_a_chunk)
{
    const uint8_t byte = 0;
    const lic_chunk unpacked = {.type = "iccp", .data = &byte, .bytes = 1},
                    empty = {.type = "iccp", .packed = 1},
                    damaged = {.data = &byte, .bytes = 1, .packed = 1, .unpacked_bytes = 1};
    EMPTIES(lic_buffer, lic_chunk_read(NULL, NULL, &out, NULL), LIC_ERR_ARGUMENT);
    EMPTIES(lic_buffer, lic_chunk_read(&unpacked, NULL, &out, NULL), LIC_ERR_ARGUMENT);
    EMPTIES(lic_buffer, lic_chunk_read(&empty, NULL, &out, NULL), LIC_ERR_ARGUMENT);
    EMPTIES(lic_buffer, lic_chunk_read(&damaged, NULL, &out, NULL), LIC_ERR_CORRUPT);
    CHECK_EQ_INT(lic_chunk_read(&damaged, NULL, NULL, NULL), LIC_ERR_ARGUMENT);
}

/* Outputs are empty after each kind of bad argument. */
static void encoder_outputs(lic_session *encoder, const lic_image *p)
{
    const lic_image none = {.width = 20, .height = 20, .channels = 3, .depth = 8};
    lic_encode_options foreign = at_quality(50), poor = at_quality(-1), odd = at_quality(50);
    foreign.struct_bytes = 3;
    odd.tile_side = 65;
#define BAD(call) EMPTIES(lic_buffer, call, LIC_ERR_ARGUMENT)
    BAD(lic_session_encode(NULL, p, NULL, &out, NULL));
    BAD(lic_session_encode(encoder, NULL, NULL, &out, NULL));
    BAD(lic_session_encode(encoder, &none, NULL, &out, NULL));
    BAD(lic_session_encode(encoder, p, &foreign, &out, NULL));
    BAD(lic_session_encode(encoder, p, &poor, &out, NULL));
    BAD(lic_session_encode(encoder, p, &odd, &out, NULL));
    CHECK_EQ_INT(lic_session_encode(encoder, p, NULL, NULL, NULL), LIC_ERR_ARGUMENT);
    BAD(encode_rows(NULL, p, no_rows, NULL, NULL, &out, NULL));
    BAD(encode_rows(encoder, NULL, no_rows, NULL, NULL, &out, NULL));
    BAD(encode_rows(encoder, p, no_rows, NULL, &foreign, &out, NULL));
    CHECK_EQ_INT(encode_rows(encoder, p, no_rows, NULL, NULL, NULL, NULL), LIC_ERR_ARGUMENT);
    EMPTIES(lic_buffer, encode_rows(encoder, p, no_rows, NULL, NULL, &out, NULL),
            LIC_ERR_CANCELLED);
}

TEST(outputs_of_an_encoder)
{
    const lic_options foreign = foreign_options();
    const lic_model *model = tiny_model();
    lic_image p = make_picture(20, 20, 3, 8);
    lic_session *encoder;
    BAD(lic_encode(NULL, &p, NULL, NULL, &out, NULL));
    BAD(lic_encode(model, NULL, NULL, NULL, &out, NULL));
    BAD(lic_encode(model, &p, &foreign, NULL, &out, NULL));
#undef BAD
    REQUIRE(!lic_session_new(model, NULL, &encoder, NULL));
    encoder_outputs(encoder, &p);
    lic_session_free(encoder);
    free(p.data);
}

/* Outputs are empty after each kind of bad argument. */
static void decoder_outputs(lic_session *decoder, const lic_buffer *file)
{
    const lic_decode_options of_12 = of_depth(12);
    lic_decode_options foreign, outside;
    lic_decode_options_init(&foreign);
    lic_decode_options_init(&outside);
    foreign.struct_bytes = 3;
    outside.crop_width = outside.crop_height = 100;
#define BAD(call) EMPTIES(lic_image, call, LIC_ERR_ARGUMENT)
    BAD(lic_session_decode(NULL, file->data, file->bytes, NULL, &out, NULL));
    BAD(lic_session_decode(decoder, NULL, file->bytes, NULL, &out, NULL));
    BAD(lic_session_decode(decoder, file->data, file->bytes, &of_12, &out, NULL));
    CHECK_EQ_INT(lic_session_decode(decoder, file->data, file->bytes, NULL, NULL, NULL),
                 LIC_ERR_ARGUMENT);
    BAD(lic_session_decode(NULL, file->data, file->bytes, NULL, &out, NULL));
    BAD(lic_session_decode(decoder, NULL, file->bytes, NULL, &out, NULL));
    BAD(lic_session_decode(decoder, file->data, file->bytes, &foreign, &out, NULL));
    BAD(lic_session_decode(decoder, file->data, file->bytes, &outside, &out, NULL));
    EMPTIES(lic_image, lic_session_decode(decoder, file->data, 9, NULL, &out, NULL),
            LIC_ERR_TRUNCATED);
}

TEST(outputs_of_a_decoder)
{
    const lic_options foreign = foreign_options();
    const lic_decode_options of_12 = of_depth(12);
    const lic_model *model = tiny_model();
    lic_image p = make_picture(20, 20, 3, 8);
    lic_buffer file = encode_tiny(model, &p, NULL, 30);
    lic_session *decoder;
    BAD(lic_decode(NULL, file.data, file.bytes, NULL, NULL, &out, NULL));
    BAD(lic_decode(model, NULL, file.bytes, NULL, NULL, &out, NULL));
    BAD(lic_decode(model, file.data, file.bytes, &foreign, NULL, &out, NULL));
    BAD(lic_decode(model, file.data, file.bytes, NULL, &of_12, &out, NULL));
#undef BAD
    REQUIRE(!lic_session_new(model, NULL, &decoder, NULL));
    decoder_outputs(decoder, &file);
    lic_session_free(decoder);
    lic_buffer_free(&file);
    free(p.data);
}
