/* test_hostile.c - faults found by attacks on encoder and decoder, one test each. */
#include "codec/container.h"
#include "tests/unit/codec_fixture.h"
#include "tests/unit/weights_fixture.h"

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
    lic_container c = {.width = 2048,
                       .height = 2048,
                       .channels = 3,
                       .depth = 8,
                       .quality_code = 30000,
                       .model_id = (uint32_t)model.hash,
                       .latents = code,
                       .latent_bytes = sizeof code};
    lic_buffer file;
    lic_image out;
    lic_error err = {0};
    struct countdown countdown = {0, -1};
    lic_options options = with_threads(1);
    options.progress = count_down;
    options.progress_user = &countdown;
    REQUIRE(lic_container_write(&c, NULL, &file, &err) == LIC_OK);
    CHECK_EQ_INT(lic_decode(tiny_model(), file.data, file.bytes, &options, NULL, &out, &err),
                 LIC_ERR_CORRUPT);
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
    lic_container c = {.width = 4096,
                       .height = 64,
                       .channels = 3,
                       .depth = 8,
                       .tile_w = 2048,
                       .model_id = (uint32_t)model.hash,
                       .latents = code,
                       .latent_bytes = sizeof code};
    size_t planned[2];
    for (int i = 0; i < 2; i++) {
        lic_buffer file;
        lic_image out;
        lic_error err = {0};
        lic_stats stats;
        lic_session *decoder;
        const lic_options options = with_threads(1);
        c.tile_h = i ? 16384 : 64;
        REQUIRE(lic_container_write(&c, NULL, &file, &err) == LIC_OK);
        REQUIRE(lic_session_new(tiny_model(), &options, &decoder, &err) == LIC_OK);
        CHECK_EQ_INT(lic_session_decode(decoder, file.data, file.bytes, NULL, &out, &err),
                     LIC_ERR_CORRUPT);
        lic_session_get_stats(decoder, &stats);
        planned[i] = stats.planned_bytes;
        lic_session_free(decoder);
        lic_buffer_free(&file);
    }
    CHECK(planned[0] > 0);
    CHECK_EQ_INT(planned[1], planned[0]);
}

/* ---- latents that nobody has written --------------------------------------------------------- */

/* Memory is given out full of NaNs, so that what is computed from it unwritten differs from what
 * was there; blocks of picture_bytes are looked at when they come back. */
struct nans {
    size_t picture_bytes;
    int pictures, painted;
};

static void *nans_alloc(void *user, size_t bytes)
{
    size_t *block = malloc(bytes + 16);
    (void)user;
    if (!block)
        return NULL;
    block[0] = bytes;
    return memset(block + 2, 0xFF, bytes);
}

static void nans_free(void *user, void *pointer)
{
    struct nans *n = user;
    size_t *block = (size_t *)pointer - 2;
    const uint8_t *at = pointer;
    size_t untouched = 0;
    while (untouched < block[0] && at[untouched] == 0xFF)
        untouched++;
    n->pictures += block[0] == n->picture_bytes;
    n->painted += block[0] == n->picture_bytes && untouched < block[0];
    free(block);
}

static lic_model *model_with_preview(void)
{
    weights w = read_tiny();
    lic_model *model = NULL;
    add_preview_head(&w, 1);
    write_weights(&w);
    weights heads = no_previews(get(w.data + W_HASH_AT, 8));
    add_preview_head(&heads, 4);
    write_previews(&heads);
    if (lic_model_open(weights_path, NULL, &model, NULL))
        exit(2);
    free(heads.data);
    free(w.data);
    return model;
}

/* The first n bytes of the latents under a right checksum: a picture or none, but not one that was
 * painted before the damage was known. Returns whether it is one. */
static bool paints_nothing_damaged(const lic_model *model, lic_container c, size_t n,
                                   uint32_t scale)
{
    struct nans nans = {3 * (size_t)(c.width / scale) * (c.height / scale), 0, 0};
    const lic_allocator allocator = {nans_alloc, nans_free, &nans};
    lic_options options = with_threads(1);
    lic_decode_options how;
    lic_session *decoder = NULL;
    lic_buffer file = {0};
    lic_image out;
    options.allocator = &allocator;
    lic_decode_options_init(&how);
    how.scale = scale;
    c.latent_bytes = n;
    CHECK_EQ_INT(lic_container_write(&c, NULL, &file, NULL), LIC_OK);
    CHECK_EQ_INT(lic_session_new(model, &options, &decoder, NULL), LIC_OK);
    const lic_status status = lic_session_decode(decoder, file.data, file.bytes, &how, &out, NULL);
    CHECK(status == LIC_OK || status == LIC_ERR_CORRUPT || status == LIC_ERR_MISMATCH);
    lic_image_free(&out);
    CHECK(nans.pictures == 1 || (nans.pictures == 0 && status == LIC_ERR_CORRUPT));
    CHECK_EQ_INT(nans.painted, status == LIC_OK);
    lic_session_free(decoder);
    lic_buffer_free(&file);
    return status == LIC_OK;
}

/* A preview was computed, and painted, of whatever lay where the latents of a slice should be that
 * the code did not reach. */
TEST(decoder_paints_nothing_from_latents_that_were_not_read)
{
    lic_model *model = model_with_preview();
    lic_image p = make_picture(112, 80, 3, 8);
    const lic_options options = with_threads(1);
    lic_buffer whole = encode_tiny(model, &p, &options, 60);
    lic_chunk chunks[LIC_MAX_CHUNKS];
    lic_container c;
    REQUIRE(lic_container_read(whole.data, whole.bytes, chunks, &c, NULL) == LIC_OK);
    size_t small = 0, middle = 0, large = 0;
    for (size_t n = 0; n <= c.latent_bytes; n += n < 16 || n + 16 > c.latent_bytes ? 1 : 7) {
        small += paints_nothing_damaged(model, c, n, 16);
        middle += paints_nothing_damaged(model, c, n, 4);
        large += paints_nothing_damaged(model, c, n, 1);
    }
    CHECK(small > 1 && middle == small && large == 1); /* a preview needs the first slices only */
    lic_buffer_free(&whole);
    lic_model_close(model);
    free(p.data);
}
