/* test_hostile.c - faults that attacks on encoder and decoder have shown, one test each. */
#include "codec/container.h"
#include "tests/unit/codec_fixture.h"

/* ---- cancelling ------------------------------------------------------------------------------ */

struct countdown {
    int calls, cancel_at;
};

static int count_down(void *user, lic_stage stage, double fraction)
{
    struct countdown *c = user;
    (void)stage;
    (void)fraction;
    return c->calls++ == c->cancel_at;
}

/* The code of the tile at hand was lost when the next tile began. */
TEST(encoder_cancelled_within_a_tile_leaks_nothing)
{
    lic_image in = make_picture(150, 100, 3, 8);
    for (int at = 0; at < 40; at++) {
        counted memory = {.refuse_at = -1};
        const lic_allocator allocator = {counted_alloc, counted_free, &memory};
        struct countdown countdown = {0, at};
        lic_options options = with_threads(1);
        options.allocator = &allocator;
        options.progress = count_down;
        options.progress_user = &countdown;
        lic_encode_options encode = at_quality(90);
        encode.tile_side = 64;
        lic_buffer out;
        lic_error err = {0};
        const lic_status status = lic_encode(tiny_model(), &in, &options, &encode, &out, &err);
        CHECK(status == LIC_ERR_CANCELLED || (status == LIC_OK && countdown.calls <= at));
        lic_buffer_free(&out);
        CHECK_EQ_INT(memory.live, 0);
    }
    free(in.data);
}

/* ---- few bytes, many pixels ------------------------------------------------------------------ */

/* A head with a few bytes behind it must not cost the work of the picture it promises: the slices
 * were computed to the end on zeros before anyone asked whether the code had ended. */
TEST(decoder_gives_up_where_the_code_ends)
{
    static const uint8_t code[38] = {1, 2, 3, 4, 5};
    lic_model_info model;
    lic_model_get_info(tiny_model(), &model);
    lic_container c = {.width = 4096, .height = 4096, .channels = 3, .depth = 8, .quality_code = 30000,
                       .model_id = (uint32_t)model.hash, .latents = code, .latent_bytes = sizeof code};
    lic_buffer file;
    lic_image out;
    lic_error err = {0};
    struct countdown countdown = {0, -1};
    lic_options options = with_threads(1);
    options.progress = count_down;
    options.progress_user = &countdown;
    REQUIRE(lic_container_write(&c, NULL, &file, &err) == LIC_OK);
    CHECK_EQ_INT(lic_decode(tiny_model(), file.data, file.bytes, &options, 0, &out, &err), LIC_ERR_CORRUPT);
    CHECK_EQ_INT(countdown.calls, 0); /* not one slice */
    CHECK(out.data == NULL);
    lic_buffer_free(&file);
}

/* Tiles much higher than the picture: rows of latents were planned for all of their height. */
TEST(decoder_plans_for_no_more_than_the_picture)
{
    static const uint8_t code[64];
    lic_model_info model;
    lic_model_get_info(tiny_model(), &model);
    lic_container c = {.width = 4096, .height = 64, .channels = 3, .depth = 8, .tile_w = 2048,
                       .model_id = (uint32_t)model.hash, .latents = code, .latent_bytes = sizeof code};
    size_t planned[2];
    for (int i = 0; i < 2; i++) {
        lic_buffer file;
        lic_image out;
        lic_error err = {0};
        lic_stats stats;
        lic_decoder *decoder;
        const lic_options options = with_threads(1);
        c.tile_h = i ? 16384 : 64;
        REQUIRE(lic_container_write(&c, NULL, &file, &err) == LIC_OK);
        REQUIRE(lic_decoder_new(tiny_model(), &options, &decoder, &err) == LIC_OK);
        CHECK_EQ_INT(lic_decoder_decode(decoder, file.data, file.bytes, 0, &out, &err), LIC_ERR_CORRUPT);
        lic_decoder_get_stats(decoder, &stats);
        planned[i] = stats.planned_bytes;
        lic_decoder_free(decoder);
        lic_buffer_free(&file);
    }
    CHECK(planned[0] > 0);
    CHECK_EQ_INT(planned[1], planned[0]);
}
