/* test_model_uses.c - models opened for encoding or for decoding alone: the same bytes and pixels
 * in less memory, and a word where the other half is asked for. */
#include "tests/unit/codec_fixture.h"
#include "tests/weights_file.h"

#include <string.h>

static lic_status open_for(uint32_t uses, const lic_allocator *allocator, lic_model **model)
{
    lic_model_options options;
    lic_error err = {0};
    lic_model_options_init(&options);
    options.threads = 2;
    options.uses = uses;
    options.allocator = allocator;
    return open_tiny_with(&options, model, &err);
}

static lic_status encode_by(const lic_model *model, const lic_image *picture, lic_buffer *out,
                            lic_error *err)
{
    lic_encode_options encode;
    lic_encode_options_init(&encode);
    encode.lossless = LIC_LOSSLESS_NO;
    return lic_encode(model, picture, NULL, &encode, out, err);
}

TEST(halves_do_what_the_whole_does)
{
    lic_image picture = make_picture(150, 90, 3, 8), whole_image, half_image;
    lic_model *encoder = NULL, *decoder = NULL;
    lic_buffer whole, half;
    lic_error err = {0};
    REQUIRE(open_for(LIC_MODEL_ENCODES, NULL, &encoder) == LIC_OK);
    REQUIRE(open_for(LIC_MODEL_DECODES, NULL, &decoder) == LIC_OK);
    REQUIRE(encode_by(tiny_model(), &picture, &whole, &err) == LIC_OK);
    REQUIRE(encode_by(encoder, &picture, &half, &err) == LIC_OK);
    CHECK_EQ_INT(half.bytes, whole.bytes);
    if (half.bytes == whole.bytes)
        CHECK_EQ_MEM(half.data, whole.data, whole.bytes);
    REQUIRE(lic_decode(tiny_model(), whole.data, whole.bytes, NULL, NULL, &whole_image, &err) ==
            LIC_OK);
    REQUIRE(lic_decode(decoder, whole.data, whole.bytes, NULL, NULL, &half_image, &err) == LIC_OK);
    CHECK_EQ_MEM(half_image.data, whole_image.data, 150 * 90 * 3);
    lic_image_free(&half_image);
    lic_image_free(&whole_image);

    lic_buffer none;
    CHECK_EQ_INT(encode_by(decoder, &picture, &none, &err), LIC_ERR_ARGUMENT);
    CHECK(strstr(err.text, "encoding") != NULL);
    CHECK_EQ_INT(lic_decode(encoder, whole.data, whole.bytes, NULL, NULL, &half_image, &err),
                 LIC_ERR_ARGUMENT);
    CHECK(strstr(err.text, "decoding") != NULL);
    lic_buffer_free(&half);
    lic_buffer_free(&whole);
    lic_model_close(encoder);
    lic_model_close(decoder);
    free(picture.data);
}

TEST(halves_take_less_memory)
{
    size_t kept[4];
    for (uint32_t uses = 0; uses < 4; uses++) {
        counted taken = {.refuse_at = -1};
        const lic_allocator allocator = {
            .alloc = counted_alloc, .free = counted_free, .user = &taken};
        lic_model *model = NULL;
        REQUIRE(open_for(uses, &allocator, &model) == LIC_OK);
        kept[uses] = taken.now;
        lic_model_close(model);
        CHECK_EQ_INT(taken.now, 0);
    }
    CHECK_EQ_INT(kept[0], kept[LIC_MODEL_ENCODES | LIC_MODEL_DECODES]);
    CHECK(kept[LIC_MODEL_ENCODES] < kept[0] * 9 / 10);
    CHECK(kept[LIC_MODEL_DECODES] < kept[0] * 9 / 10);
}

/* Each tensor damaged by itself: the half that needs it says so, the other does not read it. */
TEST(damage_is_seen_by_the_half_that_reads_it)
{
    const weights w = read_tiny();
    lic_model_options options;
    uint32_t refused[4] = {0};
    lic_model_options_init(&options);
    for (uint32_t i = 0; i < n_tensors(&w); i++) {
        const uint8_t *entry = entry_at(&w, i);
        uint8_t *byte = payload_of(&w, entry) + get(entry + W_SIZE, 8) / 2;
        lic_status status[4];
        *byte ^= 1;
        for (uint32_t uses = 0; uses < 4; uses++) {
            lic_model *model = NULL;
            options.uses = uses;
            status[uses] = lic_model_open_memory(w.data, w.bytes, &options, &model, NULL);
            CHECK(status[uses] == LIC_OK || status[uses] == LIC_ERR_MODEL_INVALID);
            refused[uses] += status[uses] != LIC_OK;
            lic_model_close(model);
        }
        *byte ^= 1;
        CHECK(status[0] && status[LIC_MODEL_ENCODES | LIC_MODEL_DECODES]);
        CHECK(status[LIC_MODEL_ENCODES] || status[LIC_MODEL_DECODES]);
    }
    CHECK_EQ_INT(refused[0], n_tensors(&w));
    CHECK(refused[LIC_MODEL_ENCODES] < refused[0] && refused[LIC_MODEL_DECODES] < refused[0]);
    /* both read the entropy path */
    CHECK(refused[LIC_MODEL_ENCODES] + refused[LIC_MODEL_DECODES] > refused[0]);
    free(w.data);
}

TEST(uses_that_there_are_not)
{
    lic_model *model = NULL;
    CHECK_EQ_INT(open_for(8, NULL, &model), LIC_ERR_ARGUMENT);
    CHECK_EQ_INT(open_for(UINT32_MAX, NULL, &model), LIC_ERR_ARGUMENT);
    CHECK(model == NULL);
}
