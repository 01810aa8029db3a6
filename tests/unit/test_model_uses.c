/* test_model_uses.c - models opened for encoding or for decoding alone: the same bytes and pixels
 * in less memory, and a word where the other half is asked for. So it is with previews alone. */
#include "tests/unit/codec_fixture.h"
#include "tests/unit/weights_fixture.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

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

/* ---- previews alone ---- */

/* The tiny network with a head of its own and one beside, or without (channels 0). */
static void write_heads(uint32_t own_channels, uint32_t outputs, uint32_t channels)
{
    weights w = read_tiny();
    if (own_channels)
        add_head(&w, TINY_LEVELS, 3, own_channels);
    const uint64_t hash = get(w.data + W_HASH_AT, 8);
    write_weights(&w);
    free(w.data);
    remove_previews();
    if (!channels)
        return;
    w = no_previews(hash);
    add_head(&w, TINY_LEVELS, outputs, channels);
    write_previews(&w);
    free(w.data);
}

static lic_model *open_scale(uint32_t uses, uint32_t scale, size_t *kept)
{
    static counted taken;
    static const lic_allocator allocator = {
        .alloc = counted_alloc, .free = counted_free, .user = &taken};
    lic_model *model = NULL;
    lic_model_options options;
    taken = (counted){.refuse_at = -1};
    lic_model_options_init(&options);
    options.threads = 2;
    options.allocator = &allocator;
    options.uses = uses;
    options.scale = scale;
    CHECK_EQ_INT(lic_model_open(weights_path, &options, &model, NULL), LIC_OK);
    *kept = taken.now;
    return model;
}

static lic_status decode_scale(const lic_model *model, const lic_buffer *file, uint32_t scale,
                               lic_image *out, lic_error *err)
{
    lic_decode_options how;
    lic_decode_options_init(&how);
    how.scale = scale;
    return lic_decode(model, file->data, file->bytes, NULL, &how, out, err);
}

/* What a model for previews of 1/scale gives at each scale, beside one that has everything. head is
 * the largest preview by a head: 1/head. */
static void check_previews(const lic_buffer *file, uint32_t scale, uint32_t head)
{
    size_t all, some;
    lic_model *whole = open_scale(LIC_MODEL_DECODES | LIC_MODEL_PREVIEWS, scale, &all);
    lic_model *few = open_scale(LIC_MODEL_PREVIEWS, scale, &some);
    CHECK(head <= scale ? some < all * 3 / 4 : some == all);
    for (uint32_t s = 1; s <= 16 && whole && few; s *= 2) {
        lic_image want = {0}, got = {0};
        lic_error err = {0};
        CHECK_EQ_INT(decode_scale(whole, file, s, &want, &err), LIC_OK);
        const lic_status status = decode_scale(few, file, s, &got, &err);
        CHECK_EQ_INT(status, head <= scale && s < head ? LIC_ERR_ARGUMENT : LIC_OK);
        CHECK(!status || strstr(err.text, "not opened for decoding more than previews"));
        if (!status)
            CHECK_EQ_MEM(got.data, want.data, want.stride_bytes * want.height);
        lic_image_free(&want);
        lic_image_free(&got);
    }
    lic_model_close(whole);
    lic_model_close(few);
}

TEST(previews_alone_are_those_of_the_whole)
{
    static const struct {
        uint32_t own_channels, outputs, channels, head; /* 2, 6, 11 channels: 1, 2, 3 slices */
    } heads[] = {{2, 0, 0, 16},  {11, 0, 0, 16}, {0, 48, 6, 4},  {0, 12, 2, 8},
                 {0, 192, 6, 2}, {0, 3, 6, 16},  {2, 48, 11, 4}, {6, 48, 2, 4}};
    lic_image picture = make_picture(150, 90, 3, 8);
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        size_t kept;
        lic_buffer file = {0};
        lic_error err;
        write_heads(heads[i].own_channels, heads[i].outputs, heads[i].channels);
        lic_model *encoder = open_scale(LIC_MODEL_ENCODES, 0, &kept);
        REQUIRE(encoder && encode_by(encoder, &picture, &file, &err) == LIC_OK);
        lic_model_close(encoder);
        for (uint32_t scale = 2; scale <= 16; scale *= 2)
            check_previews(&file, scale, heads[i].head);
        lic_buffer_free(&file);
    }
    free(picture.data);
}

/* Without a head for them, with a damaged one, or without a scale. */
TEST(previews_alone_that_there_are_not)
{
    lic_model *model;
    lic_model_options options;
    size_t all, some;
    write_heads(0, 0, 0);
    lic_model_close(open_scale(LIC_MODEL_DECODES, 0, &all));
    for (uint32_t scale = 0; scale <= 16; scale = scale ? 2 * scale : 1) {
        lic_model_close(open_scale(LIC_MODEL_PREVIEWS, scale, &some));
        CHECK_EQ_INT(some, all);
    }
    lic_model_options_init(&options);
    options.uses = LIC_MODEL_PREVIEWS;
    for (options.scale = 3; options.scale <= 32; options.scale += 29)
        CHECK_EQ_INT(lic_model_open(weights_path, &options, &model, NULL), LIC_ERR_ARGUMENT);
    options.scale = 4;
    weights w = no_previews(0);
    add_head(&w, TINY_LEVELS, 48, 6);
    write_previews(&w);
    CHECK_EQ_INT(lic_model_open(weights_path, &options, &model, NULL), LIC_ERR_MODEL_INVALID);
    w.bytes = 100;
    write_previews(&w);
    CHECK_EQ_INT(lic_model_open(weights_path, &options, &model, NULL), LIC_ERR_MODEL_INVALID);
    remove_previews();
    free(w.data);
}

static uint64_t hash_of_tiny(void)
{
    lic_model_info info;
    lic_model_get_info(tiny_model(), &info);
    return info.hash;
}

/* Puts one file or the other beside the network until it is killed, or its parent ends. */
static void exchange_heads(const weights *a, const weights *b, pid_t parent)
{
    char next[80];
    snprintf(next, sizeof next, "%s.next", previews_path);
    for (int i = 0; getppid() == parent; i++) {
        const int fd = open(next, O_WRONLY | O_CREAT, 0600);
        write_to(fd, next, i % 2 ? a : b);
        close(fd);
        if (rename(next, previews_path))
            _exit(1);
    }
    _exit(0);
}

/* The slices that are read are those of the heads that are read. */
TEST(heads_that_change_while_they_are_read)
{
    lic_image picture = make_picture(64, 64, 3, 8);
    lic_buffer file = {0};
    lic_error err;
    size_t kept;
    write_heads(0, 48, 6);
    const uint64_t hash = hash_of_tiny();
    weights two = no_previews(hash), three = no_previews(hash);
    add_head(&two, TINY_LEVELS, 48, 6);
    add_head(&three, TINY_LEVELS, 48, 11);
    REQUIRE(encode_by(tiny_model(), &picture, &file, &err) == LIC_OK);
    fflush(stdout);
    const pid_t parent = getpid(), child = fork();
    if (child == 0)
        exchange_heads(&two, &three, parent);
    REQUIRE(child > 0);
    for (int i = 0; i < 300; i++) {
        lic_image out = {0};
        lic_model *model = open_scale(LIC_MODEL_PREVIEWS, 4, &kept);
        CHECK_EQ_INT(decode_scale(model, &file, 4, &out, &err), LIC_OK);
        lic_image_free(&out);
        lic_model_close(model);
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    snprintf(err.text, sizeof err.text, "%s.next", previews_path);
    unlink(err.text);
    remove_previews();
    lic_buffer_free(&file);
    free(two.data);
    free(three.data);
    free(picture.data);
}

TEST(uses_that_there_are_not)
{
    lic_model *model = NULL;
    CHECK_EQ_INT(open_for(8, NULL, &model), LIC_ERR_ARGUMENT);
    CHECK_EQ_INT(open_for(UINT32_MAX, NULL, &model), LIC_ERR_ARGUMENT);
    CHECK(model == NULL);
}
