/* test_weights_integers.c - weights files with layers in integers: each fault that bytes and their
 * scales can have is refused, and the message names the tensor. */
#include "tests/unit/weights_fixture.h"

#define LAYER     "g_a.st1.blocks.0.fc1.weight"
#define SCALE     LAYER ".scale"
#define DEPTHWISE "g_a.st1.blocks.0.dw.conv.weight"

enum { TYPE_F16 = 1, TYPE_U16 = 2, TYPE_I8 = 4 };

/* Seals the copy, opens it and drops it; `text` must be in the message, if there has to be one. */
static void check_opens(weights w, lic_status want, const char *text)
{
    lic_error err;
    seal_head(&w);
    write_weights(&w);
    const lic_status status = open_status(weights_path, &err);
    if (test_failed(status == want && strstr(err.text, text)))
        printf("%s: %s %s\n", text, lic_status_name(status), err.text);
    free(w.data);
}

static weights integers(void)
{
    return read_golden("integers.licw");
}

static void version(weights *w, uint32_t number)
{
    put(w->data + W_VERSION_AT, 4, number);
}

TEST(integers_need_version_2)
{
    weights w = integers();
    CHECK_EQ_INT(get(w.data + W_VERSION_AT, 4), 2);
    check_opens(w, LIC_OK, "");
    w = integers();
    version(&w, 1);
    check_opens(w, LIC_ERR_MODEL_INVALID, "bad tensor entry");
    w = integers();
    version(&w, 5);
    check_opens(w, LIC_ERR_MODEL_INVALID, "version 5");
    w = read_tiny();
    CHECK_EQ_INT(get(w.data + W_VERSION_AT, 4), 1);
    version(&w, 2);
    check_opens(w, LIC_OK, "");
}

/* Value i of a tensor of floats. */
static weights with_scale(size_t i, uint32_t bits)
{
    weights w = integers();
    uint8_t *entry = entry_named(&w, SCALE);
    put(payload_of(&w, entry) + 4 * i, 4, bits);
    seal_tensor(&w, entry);
    return w;
}

TEST(scales_are_positive_and_finite)
{
    static const uint32_t bad[] = {0,           0x80000000u, 0xBF800000u, 0x7F800000u, 0xFF800000u,
                                   0x7FC00000u, 0xFFC00000u, 0x7F7FFFFFu, 0x80000001u};
    static const uint32_t good[] = {0x00000001u, 0x3F800000u, 0x7149F2CAu};
    for (size_t place = 0; place < 2; place++) {
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
            check_opens(with_scale(place * 9, bad[i]), LIC_ERR_MODEL_INVALID, SCALE);
        for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
            check_opens(with_scale(place * 9, good[i]), LIC_OK, "");
    }
}

static weights with_byte(size_t i, int value)
{
    weights w = integers();
    uint8_t *entry = entry_named(&w, LAYER);
    payload_of(&w, entry)[i] = (uint8_t)value;
    seal_tensor(&w, entry);
    return w;
}

TEST(bytes_are_symmetric)
{
    for (size_t i = 0; i < 50; i += 24) {
        check_opens(with_byte(i, -127), LIC_OK, "");
        check_opens(with_byte(i, 127), LIC_OK, "");
        check_opens(with_byte(i, -128), LIC_ERR_MODEL_INVALID, LAYER);
    }
}

TEST(scales_must_be_there)
{
    weights w = integers();
    uint8_t *entry = entry_named(&w, SCALE);
    entry[strlen(SCALE) - 1] = 's';
    check_opens(w, LIC_ERR_MODEL_INVALID, "without the tensor " SCALE);
    w = read_tiny(); /* of a layer of floats */
    static const float one[10] = {1.0f};
    static const uint32_t dims[4] = {10, 1, 1, 1};
    add_tensor(&w, SCALE, 0, 1, dims, one, sizeof one);
    check_opens(w, LIC_ERR_MODEL_INVALID, "unknown tensor, " SCALE);
}

/* Another type in place of one, with as many values. */
static weights with_type(weights w, const char *name, uint32_t type, size_t size)
{
    uint8_t *entry = entry_named(&w, name);
    size_t n = size;
    for (int d = 0; d < 4; d++)
        n *= (size_t)get(entry + W_DIMS + 4 * d, 4);
    put(entry + W_TYPE, 4, type);
    put(entry + W_SIZE, 8, n);
    memset(payload_of(&w, entry), 1, n);
    seal_tensor(&w, entry);
    return w;
}

TEST(types_of_other_layers)
{
    check_opens(with_type(integers(), SCALE, TYPE_F16, 2), LIC_ERR_MODEL_INVALID, SCALE);
    check_opens(with_type(integers(), DEPTHWISE, TYPE_I8, 1), LIC_ERR_MODEL_INVALID, DEPTHWISE);
    check_opens(with_type(integers(), "gain", TYPE_I8, 1), LIC_ERR_MODEL_INVALID, "gain");
    check_opens(with_type(integers(), "g_a.down2.conv.bias", TYPE_I8, 1), LIC_ERR_MODEL_INVALID,
                "g_a.down2.conv.bias");
    check_opens(with_type(integers(), "cdf.z.cum", TYPE_I8, 1), LIC_ERR_MODEL_INVALID, "cdf.z.cum");
    check_opens(with_type(integers(), LAYER, 5, 1), LIC_ERR_MODEL_INVALID, "bad tensor entry");
    weights w = integers();
    add_preview_head(&w, 1);
    check_opens(w, LIC_OK, "");
    w = integers();
    add_preview_head(&w, 1);
    check_opens(with_type(w, "preview.weight", TYPE_I8, 1), LIC_ERR_MODEL_INVALID,
                "preview.weight");
    w = read_tiny(); /* the first layer may be, with scales */
    version(&w, 2);
    static const float ones[5] = {1.0f, 1.0f, 1.0f, 1.0f, 1.0f};
    static const uint32_t dims[4] = {5, 1, 1, 1};
    add_tensor(&w, "g_a.down1.conv.weight.scale", 0, 1, dims, ones, sizeof ones);
    check_opens(with_type(w, "g_a.down1.conv.weight", TYPE_I8, 1), LIC_OK, "");
}

TEST(shapes_of_bytes_and_scales)
{
    static uint8_t ones[4096];
    memset(ones, 1, sizeof ones);
    for (int more = -1; more <= 1; more += 2) {
        weights w = integers();
        const uint32_t rows = (uint32_t)get(entry_named(&w, LAYER) + W_DIMS, 4);
        replace_tensor(&w, LAYER, rows + (uint32_t)more, ones);
        check_opens(w, LIC_ERR_MODEL_INVALID, LAYER);
        w = integers();
        replace_tensor(&w, SCALE, rows + (uint32_t)more, ones);
        check_opens(w, LIC_ERR_MODEL_INVALID, SCALE);
    }
    weights w = integers(); /* the columns as rows */
    uint8_t *dims = entry_named(&w, LAYER) + W_DIMS;
    const uint64_t rows = get(dims, 4), columns = get(dims + 4, 4);
    put(dims, 4, columns);
    put(dims + 4, 4, rows);
    check_opens(w, LIC_ERR_MODEL_INVALID, LAYER);
}
