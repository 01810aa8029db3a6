/* test_weights_previews.c - the file of heads for previews beside a weights file is as hostile as
 * that, and it is of one network alone. What is wrong with it is said with its name. */
#include "tests/unit/weights_fixture.h"

#include <sys/stat.h>

static const uint64_t all_ones = UINT64_MAX;

/* The tiny network is on disk then. */
static uint64_t write_tiny(void)
{
    weights w = read_tiny();
    const uint64_t hash = get(w.data + W_HASH_AT, 8);
    write_weights(&w);
    free(w.data);
    return hash;
}

static weights good_heads(void)
{
    weights w = no_previews(write_tiny());
    add_head(&w, TINY_LEVELS, 48, 6);
    return w;
}

static void check_opens(const weights *heads)
{
    lic_error err;
    write_previews(heads);
    CHECK_EQ_INT(open_status(weights_path, &err), LIC_OK);
    if (err.status)
        printf("%s\n", err.text);
    remove_previews();
}

static lic_model *open_one;

static void close_one(void)
{
    lic_model_close(open_one);
}

/* Added to a model that is open, they leave no trace. */
static void check_not_added(const weights *heads, const char *what)
{
    lic_model_info info;
    lic_error err = {0};
    remove_previews();
    if (!open_one) {
        REQUIRE(!lic_model_open(weights_path, NULL, &open_one, NULL));
        atexit(close_one);
    }
    const lic_status status = lic_model_add_previews(open_one, heads->data, heads->bytes, &err);
    lic_model_get_info(open_one, &info);
    if (test_failed(status == LIC_ERR_MODEL_INVALID && err.status == status && err.text[0] &&
                    info.preview_scale == 0 && info.preview_slices == 0))
        printf("%s, added: %s %s\n", what, lic_status_name(status), err.text);
}

/* As it is: nothing is sealed here. */
static void check_heads_refused(const weights *heads, const char *what)
{
    lic_error err;
    write_previews(heads);
    const lic_status status = open_status(weights_path, &err);
    if (test_failed(status == LIC_ERR_MODEL_INVALID && strstr(err.text, previews_path)))
        printf("%s: %s %s\n", what, lic_status_name(status), err.text);
    check_not_added(heads, what);
}

#define HEADS_REFUSED(what, ...)                                                                   \
    do {                                                                                           \
        weights w = good_heads();                                                                  \
        __VA_ARGS__;                                                                               \
        seal_head(&w);                                                                             \
        check_heads_refused(&w, what);                                                             \
        free(w.data);                                                                              \
    } while (0)

TEST(heads_as_they_are)
{
    static const uint32_t outputs[] = {3, 12, 48, 192};
    for (int i = 0; i < 4; i++) {
        lic_model *model = NULL;
        lic_model_info info;
        weights w = no_previews(write_tiny());
        add_head(&w, TINY_LEVELS, outputs[i], 11);
        check_opens(&w);
        write_previews(&w);
        REQUIRE(!lic_model_open(weights_path, NULL, &model, NULL));
        lic_model_get_info(model, &info);
        CHECK_EQ_INT(info.preview_scale, 16 >> i);
        CHECK_EQ_INT(info.preview_slices, 3);
        lic_model_close(model);
        remove_previews();
        free(w.data);
    }
}

TEST(heads_of_another_network)
{
    const uint64_t hash = write_tiny(),
                   others[] = {hash ^ 1, hash ^ (uint64_t)1 << 63, 0, all_ones};
    for (int i = 0; i < 4; i++) {
        weights w = no_previews(others[i]);
        add_head(&w, TINY_LEVELS, 48, 6);
        check_heads_refused(&w, "another network");
        free(w.data);
    }
}

TEST(heads_of_another_shape)
{
    static const uint32_t shapes[][3] = {{7, 48, 6},  {9, 48, 6}, {8, 47, 6}, {8, 27, 6},
                                         {8, 768, 2}, {8, 1, 6},  {8, 48, 5}, {8, 48, 12}};
    const uint64_t hash = write_tiny();
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        weights w = no_previews(hash);
        add_head(&w, shapes[i][0], shapes[i][1], shapes[i][2]);
        check_heads_refused(&w, "shape");
        free(w.data);
    }
}

TEST(heads_that_are_none)
{
    weights none = no_previews(write_tiny()), whole = read_tiny();
    check_heads_refused(&none, "no tensors");
    check_heads_refused(&whole, "a network");
    free(none.data);
    free(whole.data);
    HEADS_REFUSED("of no network", memcpy(config_named(&w, "network"), "netting", 8));
    HEADS_REFUSED("no family", w.data[W_FAMILY_AT] = 0);
    HEADS_REFUSED("a longer family", w.data[W_FAMILY_AT + 14] = '2');
    HEADS_REFUSED("of version 3", w.data[W_VERSION_AT] = 3);
    HEADS_REFUSED("of version 5", w.data[W_VERSION_AT] = 5);
    HEADS_REFUSED("one tensor more", {
        static const uint32_t one[4] = {1, 1, 1, 1};
        const float value = 1;
        add_tensor(&w, "more", 0, 1, one, &value, sizeof value);
    });
    HEADS_REFUSED("no bias", entry_named(&w, "preview.bias")[0] = 'P');
    HEADS_REFUSED("infinite", {
        uint8_t *entry = entry_named(&w, "preview.weight");
        put(payload_of(&w, entry) + 2000, 2, 0x7C00);
        seal_tensor(&w, entry);
    });
    HEADS_REFUSED("whole numbers", put(entry_named(&w, "preview.weight") + W_TYPE, 4, 2));
}

/* Any byte of it, and any length. */
TEST(heads_that_are_damaged)
{
    weights w = good_heads();
    const size_t bytes = w.bytes;
    for (size_t i = 0; i < bytes; i += i < 700 ? 1 : 131) {
        if (i >= W_HASH_AT && i < W_FAMILY_AT)
            continue; /* its own hash names it, and is covered by the checksum of the head */
        w.data[i] ^= 16;
        check_heads_refused(&w, "a flipped bit");
        w.data[i] ^= 16;
    }
    for (w.bytes = 0; w.bytes < bytes; w.bytes += w.bytes < 700 ? 13 : 331)
        check_heads_refused(&w, "cut");
    w.bytes = bytes;
    check_opens(&w);
    free(w.data);
}

/* A model that refused heads takes good ones. */
TEST(heads_that_are_good_at_last)
{
    weights w = good_heads();
    w.data[w.bytes - 1] ^= 1;
    check_not_added(&w, "a flipped bit");
    w.data[w.bytes - 1] ^= 1;
    CHECK_EQ_INT(lic_model_add_previews(open_one, w.data, w.bytes, NULL), LIC_OK);
    lic_model_close(open_one);
    open_one = NULL;
    free(w.data);
}

/* A pipe of that name is no file, and does not make anybody wait. */
TEST(heads_in_a_pipe)
{
    lic_error err;
    write_tiny();
    REQUIRE(mkfifo(previews_path, 0600) == 0);
    CHECK_EQ_INT(open_status(weights_path, &err), LIC_ERR_MODEL_OPEN);
    CHECK(strstr(err.text, previews_path) != NULL);
    remove_previews();
}

static int count(void *user, const char *path, uint64_t hash)
{
    (void)path, (void)hash;
    ++*(int *)user;
    return 0;
}

/* They are no network, so nobody finds them as one. */
TEST(heads_are_not_found_as_a_network)
{
    lic_error err;
    weights w = good_heads();
    int n = 0, all = 0;
    lic_model_each(NULL, count, &n);
    write_previews(&w);
    lic_model_each(weights_folder, count, &all);
    CHECK_EQ_INT(all, n + 1);
    CHECK_EQ_INT(open_status(previews_path, &err), LIC_ERR_MODEL_INVALID);
    remove_previews();
    free(w.data);
}

/* A network's own file may have a larger head from version 4 on. */
TEST(larger_heads_in_the_networks_file)
{
    for (uint32_t version = 1; version <= 4; version++)
        for (uint32_t outputs = 3; outputs <= 48; outputs *= 4) {
            lic_error err;
            weights w = read_tiny();
            for (int i = 0; i < 3 && version > 2; i++) {
                char key[8] = "ratio.0";
                key[6] = (char)('0' + i);
                memcpy(add_config(&w, key) + W_KEY, config_named(&w, "ratio") + W_KEY,
                       W_CONFIG - W_KEY);
            }
            put(w.data + W_VERSION_AT, 4, version);
            add_head(&w, TINY_LEVELS, outputs, 6);
            write_weights(&w);
            const bool fits = outputs == 3 || version == 4;
            CHECK_EQ_INT(open_status(weights_path, &err), fits ? LIC_OK : LIC_ERR_MODEL_INVALID);
            free(w.data);
        }
}
