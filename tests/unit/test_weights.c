/* test_weights.c - hostile weights files. Cut short, with bytes flipped, with checksums that are
 * right but entries that lie: each is refused with LIC_ERR_MODEL_INVALID and a line of text, and
 * the reader never leaves the file (run under a sanitizer). */
#include "tests/unit/weights_fixture.h"

#include <math.h>

TEST(weights_as_they_are)
{
    lic_error err;
    weights w = read_tiny();
    seal_head(&w);
    write_weights(&w); /* so that what is refused below is refused for its damage */
    CHECK_EQ_INT(open_status(weights_path, &err), LIC_OK);
    lic_model *model = NULL;
    REQUIRE(lic_model_open(weights_path, NULL, &model, &err) == LIC_OK);
    lic_model_info info;
    lic_model_get_info(model, &info);
    CHECK_EQ_STR(info.name, "tiny");
    CHECK(info.hash == get(w.data + W_HASH_AT, 8));
    CHECK_EQ_INT(info.levels, 8);
    CHECK_EQ_INT(info.latent_channels, 11);
    CHECK_EQ_INT(info.hyper_channels, 5);
    CHECK_EQ_INT(info.slices, 3);
    CHECK(info.parameters > 50000);
    lic_model_close(model);
    free(w.data);
}

TEST(weights_that_are_no_file)
{
    lic_error err;
    CHECK_EQ_INT(open_status("/nonexistent/file.licw", &err), LIC_ERR_MODEL_OPEN);
    CHECK_EQ_INT(open_status("/tmp", &err), LIC_ERR_MODEL_OPEN);
    CHECK_EQ_INT(open_status("", &err), LIC_ERR_MODEL_OPEN);
    lic_model *model;
    CHECK_EQ_INT(lic_model_open(NULL, NULL, &model, &err), LIC_ERR_ARGUMENT);
    CHECK_EQ_INT(lic_model_open(weights_path, NULL, NULL, NULL), LIC_ERR_ARGUMENT);
    lic_model_close(NULL);
}

/* ---- damage as it happens -------------------------------------------------------------------- */

TEST(weights_cut_short_or_long)
{
    lic_error err;
    weights w = read_tiny();
    write_weights(&w);
    for (size_t n = 0; n <= w.bytes + 64; n += n < 300 ? 1 : n + 200 < w.bytes ? 61 : 1) {
        if (n == w.bytes)
            continue;
        REQUIRE(ftruncate(weights_file, (off_t)n) == 0);
        const lic_status status = open_status(weights_path, &err);
        if (test_failed(status == LIC_ERR_MODEL_INVALID))
            printf("%zu bytes: %s\n", n, lic_status_name(status));
        write_weights(&w);
    }
    free(w.data);
}

/* A bit flipped in any byte of head and tables, and in sampled bytes of every tensor. */
TEST(weights_with_a_bit_flipped)
{
    lic_error err;
    weights w = read_tiny();
    write_weights(&w);
    const size_t payload = (size_t)get(w.data + W_PAYLOAD_AT, 8);
    for (size_t at = 0; at < w.bytes; at += at < payload ? 1 : 101) {
        uint8_t flipped = (uint8_t)(w.data[at] ^ 1u << test_random_below(8));
        REQUIRE(pwrite(weights_file, &flipped, 1, (off_t)at) == 1);
        const lic_status status = open_status(weights_path, &err);
        /* Between tensors there are zeros of no meaning. */
        bool padding = at >= payload;
        for (uint32_t i = 0; i < n_tensors(&w); i++) {
            const uint64_t from = get(entry_at(&w, i) + W_OFFSET, 8);
            padding &= at < from || at >= from + get(entry_at(&w, i) + W_SIZE, 8);
        }
        if (test_failed(status == (padding ? LIC_OK : LIC_ERR_MODEL_INVALID)))
            printf("byte %zu: %s\n", at, lic_status_name(status));
        REQUIRE(pwrite(weights_file, w.data + at, 1, (off_t)at) == 1);
    }
    free(w.data);
}

/* Opens the file on disk, or the same bytes in memory: which must be refused for this tensor. */
static void check_named(const weights *w, const char *name, bool on_disk, int threads)
{
    lic_model *model = NULL;
    lic_model_options options;
    lic_error err = {0};
    char text[128];
    lic_model_options_init(&options);
    options.threads = threads;
    const lic_status status =
        on_disk ? lic_model_open(weights_path, &options, &model, &err)
                : lic_model_open_memory(w->data, w->bytes, &options, &model, &err);
    snprintf(text, sizeof text, "damaged (checksum of %s)", name);
    if (test_failed(status == LIC_ERR_MODEL_INVALID && strstr(err.text, text)))
        printf("%s: %s %s\n", name, lic_status_name(status), err.text);
    lic_model_close(model);
}

/* Tensors are read in parts, each by the thread that needs it: damage to its first, its last or
 * any other byte is found, before what the values would say, and the message names the tensor. */
TEST(weights_with_a_damaged_tensor)
{
    weights w = read_tiny();
    for (uint32_t i = 0; i < n_tensors(&w); i++) {
        const uint8_t *entry = entry_at(&w, i);
        const uint32_t size = (uint32_t)get(entry + W_SIZE, 8);
        uint8_t *const at = payload_of(&w, entry) + (i % 3 == 0   ? 0
                                                     : i % 3 == 1 ? size - 1
                                                                  : test_random_below(size));
        const uint8_t right = *at;
        *at = i % 2 || right == 0xFF ? (uint8_t)(right ^ 0x10) : 0xFF; /* often a NaN */
        write_weights(&w);
        check_named(&w, (const char *)entry, true, 1 + (int)(i % 2));
        check_named(&w, (const char *)entry, false, 2 - (int)(i % 2));
        *at = right;
    }
    free(w.data);
}

/* ---- lies under a right checksum ------------------------------------------------------------- */

/* Bytes changed and sealed: what comes of it may be a network, an error or another name; but
 * nothing may go wrong on the way. */
TEST(weights_with_sealed_nonsense)
{
    weights w = read_tiny();
    const size_t tables = (size_t)(entry_at(&w, n_tensors(&w)) - w.data);
    int refused = 0, n = 0;
    for (size_t at = W_N_CONFIG_AT; at < tables; at += at < 1600 ? 1 : 1 + test_random_below(23)) {
        const uint8_t old = w.data[at];
        lic_error err;
        w.data[at] =
            (uint8_t)(test_random_below(2) ? old ^ 1u << test_random_below(8) : test_random());
        seal_head(&w);
        write_weights(&w);
        refused += open_status(weights_path, &err) == LIC_ERR_MODEL_INVALID;
        n++;
        w.data[at] = old;
    }
    printf("%d of %d refused\n", refused, n);
    CHECK(refused > n / 3 && refused < n);
    free(w.data);
}

TEST(weights_with_a_lying_head)
{
    REFUSED("signature", w.data[0] ^= 1);
    REFUSED("version", put(w.data + W_VERSION_AT, 4, 4));
    REFUSED("version without its ratios", put(w.data + W_VERSION_AT, 4, 3));
    REFUSED("version 0", put(w.data + W_VERSION_AT, 4, 0));
    REFUSED("more configuration", put(w.data + W_N_CONFIG_AT, 4, n_config(&w) + 1));
    REFUSED("less configuration", put(w.data + W_N_CONFIG_AT, 4, n_config(&w) - 2));
    REFUSED("no configuration", put(w.data + W_N_CONFIG_AT, 4, 0));
    REFUSED("too much configuration", put(w.data + W_N_CONFIG_AT, 4, 257));
    REFUSED("all configuration", put(w.data + W_N_CONFIG_AT, 4, UINT32_MAX));
    REFUSED("more tensors", put(w.data + W_N_TENSORS_AT, 4, n_tensors(&w) + 1));
    REFUSED("fewer tensors", put(w.data + W_N_TENSORS_AT, 4, n_tensors(&w) - 1));
    REFUSED("no tensors", put(w.data + W_N_TENSORS_AT, 4, 0));
    REFUSED("all tensors", put(w.data + W_N_TENSORS_AT, 4, UINT32_MAX));
    REFUSED("length", put(w.data + W_BYTES_AT, 8, w.bytes + 64));
    REFUSED("payload inside the tables", put(w.data + W_PAYLOAD_AT, 8, 640));
    REFUSED("payload at 0", put(w.data + W_PAYLOAD_AT, 8, 0));
    REFUSED("payload crooked", put(w.data + W_PAYLOAD_AT, 8, get(w.data + W_PAYLOAD_AT, 8) + 1));
    REFUSED("payload behind the end", put(w.data + W_PAYLOAD_AT, 8, w.bytes / 64 * 64 + 64));
    REFUSED("payload far away", put(w.data + W_PAYLOAD_AT, 8, ~(uint64_t)63));
    REFUSED("family", w.data[48] = 'x');
}

/* Each number of the configuration too small, too large, of the wrong type and renamed. */
TEST(weights_with_a_lying_configuration)
{
    static const char *const keys[] = {
        "levels",  "window",  "head_dim", "ratio",  "m",       "n",       "growth", "hyper",
        "dim",     "gdim",    "hid",      "heads",  "grid",    "ch.0",    "ch.1",   "ch.2",
        "depth.0", "depth.1", "depth.2",  "slices", "slice.0", "slice.1", "slice.2"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const char *key = keys[i];
        REFUSED(key, put(config_named(&w, key) + 32, 8, 0));
        REFUSED(key, put(config_named(&w, key) + 32, 8, UINT64_MAX));
        REFUSED(key, put(config_named(&w, key) + 32, 8, 4097));
        REFUSED(key, put(config_named(&w, key) + 32, 8, get(config_named(&w, key) + 32, 8) + 1));
        REFUSED(key, put(config_named(&w, key) + 32, 8,
                         get(config_named(&w, key) + 32, 8) + ((uint64_t)1 << 32)));
        REFUSED(key, put(config_named(&w, key) + 24, 4, 1));
        REFUSED(key, config_named(&w, key)[0] = 'q');
        REFUSED(key, memset(config_named(&w, key), 'a', 24));
    }
    REFUSED("name without end", memset(config_named(&w, "name") + 32, 'a', 32));
    REFUSED("name as number", put(config_named(&w, "name") + 24, 4, 0));
}

/* A file of version 3: a ratio for each scale, `more` added to that of one of them. */
static weights with_ratios(int scale, uint64_t more)
{
    weights w = read_tiny();
    const uint64_t ratio = get(config_named(&w, "ratio") + 32, 8);
    memcpy(config_named(&w, "ratio"), "ratio.0", 8);
    add_config(&w, "ratio.1");
    add_config(&w, "ratio.2");
    for (int i = 0; i < 3; i++) {
        char key[W_KEY];
        snprintf(key, sizeof key, "ratio.%d", i);
        put(config_named(&w, key) + 32, 8, ratio + (i == scale ? more : 0));
    }
    put(w.data + W_VERSION_AT, 4, 3);
    seal_head(&w);
    write_weights(&w);
    return w;
}

TEST(weights_with_a_ratio_for_each_scale)
{
    lic_error err;
    for (int scale = 0; scale < 3; scale++) {
        static const uint64_t wrong[] = {1, 8, ~(uint64_t)1};
        weights w = with_ratios(scale, 0);
        CHECK_EQ_INT(open_status(weights_path, &err), LIC_OK);
        put(w.data + W_VERSION_AT, 4, 2);
        check_refused(&w, "ratios before version 3");
        free(w.data);
        for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
            w = with_ratios(scale, wrong[i]);
            CHECK_EQ_INT(open_status(weights_path, &err), LIC_ERR_MODEL_INVALID);
            char stage[8], key[W_KEY];
            snprintf(stage, sizeof stage, ".st%d.", scale + 1);
            snprintf(key, sizeof key, "ratio.%d", scale);
            if (test_failed(strstr(err.text, stage) || strstr(err.text, key)))
                printf("%s\n", err.text);
            free(w.data);
        }
    }
}

/* Every tensor: renamed, of another type and shape, in another place. */
TEST(weights_with_lying_tensors)
{
    weights w = read_tiny();
    for (uint32_t i = 0; i < n_tensors(&w); i++) {
        uint8_t *e = entry_at(&w, i), old[W_ENTRY];
        const char *name = (const char *)old;
        memcpy(old, e, W_ENTRY);
#define LIE(change)                                                                                \
    do {                                                                                           \
        change;                                                                                    \
        check_refused(&w, name);                                                                   \
        memcpy(e, old, W_ENTRY);                                                                   \
    } while (0)
        const int shape = (int)(i % 4);
        LIE(e[0] ^= 1);
        if (shape == 0)
            LIE(memcpy(e, entry_at(&w, i ? 0 : 1), W_TYPE)); /* twice */
        if (shape == 1)
            LIE(memset(e, 'a', W_TYPE)); /* no end */
        if (shape == 2)
            LIE(put(e + W_RANK, 4, get(e + W_RANK, 4) + 1));
        if (shape == 3)
            LIE(put(e + W_RANK, 4, 0));
        LIE(put(e + W_TYPE, 4, get(e + W_TYPE, 4) ^ 3)); /* f32 and i32, f16 and u16 */
        LIE(put(e + W_TYPE, 4, 4 + i));
        LIE(put(e + W_DIMS, 4, get(e + W_DIMS, 4) + 1));
        LIE(put(e + W_DIMS + 12, 4, 0));
        LIE(put(e + W_OFFSET, 8, get(e + W_OFFSET, 8) + (i % 2 ? 2 : 32)));
        LIE(put(e + W_OFFSET, 8, ~(uint64_t)63));
        LIE(put(e + W_OFFSET, 8, w.bytes / 64 * 64 + 64));
        LIE(put(e + W_SIZE, 8, get(e + W_SIZE, 8) + 1));
        LIE(put(e + W_SIZE, 8, UINT64_MAX - 62));
        LIE(put(e + W_TENSOR_CRC, 4, ~get(e + W_TENSOR_CRC, 4)));
#undef LIE
    }
    free(w.data);
}

/* The same number of elements in another shape. */
TEST(weights_with_transposed_tensors)
{
    weights w = read_tiny();
    for (uint32_t i = 0; i < n_tensors(&w); i++) {
        uint8_t *e = entry_at(&w, i);
        const uint64_t a = get(e + W_DIMS, 4), b = get(e + W_DIMS + 4, 4);
        const uint64_t rank = get(e + W_RANK, 4);
        if (a != b) {
            put(e + W_DIMS, 4, b);
            put(e + W_DIMS + 4, 4, a);
            put(e + W_RANK, 4, rank < 2 ? 2 : rank);
            check_refused(&w, (const char *)e);
        }
        put(e + W_DIMS, 4, a * b);
        put(e + W_DIMS + 4, 4, 1);
        put(e + W_RANK, 4, rank);
        if (rank > 1 && b > 1)
            check_refused(&w, (const char *)e);
        put(e + W_DIMS, 4, a);
        put(e + W_DIMS + 4, 4, b);
    }
    free(w.data);
}

/* Dimensions whose product overflows 64 bits to the right number of bytes. */
TEST(weights_with_dimensions_that_overflow)
{
    REFUSED("overflow", {
        uint8_t *e = entry_at(&w, 0);
        put(e + W_RANK, 4, 4);
        for (int d = 0; d < 4; d++)
            put(e + W_DIMS + 4 * d, 4, (uint64_t)1 << 31);
        put(e + W_SIZE, 8, 0);
    });
}

/* A tensor that no layer asks for, its entry right in everything. */
TEST(weights_with_a_tensor_too_many)
{
    static const uint32_t dims[4] = {4, 1, 1, 1};
    static const float values[4];
    REFUSED("one more", add_tensor(&w, "stowaway", 0, 1, dims, values, sizeof values));
}

/* Tensors that share their bytes: a small file could so ask for any amount of memory. (Once only
 * the end of each was looked at.) */
TEST(weights_with_tensors_that_share_bytes)
{
    static const char *const a = "g_a.st1.blocks.0.norm1.weight",
                             *const b = "g_a.st1.blocks.0.norm2.weight";
    REFUSED("shared", {
        uint8_t *one = entry_named(&w, a), *other = entry_named(&w, b);
        memcpy(other + W_OFFSET, one + W_OFFSET, W_ENTRY - W_OFFSET);
    });
    REFUSED("swapped", {
        uint8_t swap[W_ENTRY - W_OFFSET], *one = entry_named(&w, a), *other = entry_named(&w, b);
        memcpy(swap, one + W_OFFSET, sizeof swap);
        memcpy(one + W_OFFSET, other + W_OFFSET, sizeof swap);
        memcpy(other + W_OFFSET, swap, sizeof swap);
    });
    REFUSED("in the head", {
        uint8_t *one = entry_at(&w, 0);
        put(one + W_OFFSET, 8, 0);
        seal_tensor(&w, one);
    });
}

/* The head for previews: both of its tensors or none, for whole slices (2, 4 and 5 channels). */
TEST(weights_with_a_bad_preview)
{
    static const uint32_t bias[4] = {8, 3, 1, 1}, one[4] = {3, 1, 1, 1};
    static float values[8 * 3 * 9 * 12];
    lic_error err;
    for (uint32_t c = 1; c <= 12; c++) {
        const uint32_t dims[4] = {8, 3, 9, c};
        weights w = read_tiny();
        add_tensor(&w, "preview.weight", 0, 4, dims, values, 4 * 8 * 27 * (size_t)c);
        check_refused(&w, "no bias");
        add_tensor(&w, "preview.bias", 0, 2, bias, values, 4 * 24);
        seal_head(&w);
        write_weights(&w);
        CHECK_EQ_INT(open_status(weights_path, &err),
                     c == 2 || c == 6 || c == 11 ? LIC_OK : LIC_ERR_MODEL_INVALID);
        free(w.data);
    }
    REFUSED("no weight", add_tensor(&w, "preview.bias", 0, 2, bias, values, 4 * 24));
    REFUSED("other shape", {
        const uint32_t dims[4] = {8, 9, 3, 2};
        add_tensor(&w, "preview.weight", 0, 4, dims, values, 4 * 8 * 27 * 2);
        add_tensor(&w, "preview.bias", 0, 2, bias, values, 4 * 24);
    });
    REFUSED("rank 1", {
        add_tensor(&w, "preview.weight", 0, 1, one, values, 12);
        add_tensor(&w, "preview.bias", 0, 2, bias, values, 4 * 24);
    });
}

/* The Lagrange multipliers of the first and the last level rise, and are not made up. */
TEST(weights_with_bad_lambdas)
{
    static const uint32_t two[4] = {2, 1, 1, 1}, three[4] = {3, 1, 1, 1};
    static const float bad[][3] = {{0, 1}, {-1, 1}, {1, 1}, {2, 1}, {0.5f, NAN}, {NAN, 1}};
    const float good[3] = {0.5f, 2.0f, 3.0f};
    lic_error err;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        REFUSED("lambdas", add_tensor(&w, "rate.lambda", 0, 1, two, bad[i], 8));
    REFUSED("three lambdas", add_tensor(&w, "rate.lambda", 0, 1, three, good, 12));
    weights w = read_tiny();
    add_tensor(&w, "rate.lambda", 0, 1, two, good, 8);
    seal_head(&w);
    write_weights(&w);
    CHECK_EQ_INT(open_status(weights_path, &err), LIC_OK);
    free(w.data);
}

/* ---- values ---------------------------------------------------------------------------------- */

static void set_value(const weights *w, const char *name, size_t i, uint64_t bits)
{
    static const int sizes[] = {4, 2, 2, 4};
    uint8_t *e = entry_named(w, name);
    const int size = sizes[get(e + W_TYPE, 4)];
    put(payload_of(w, e) + i * (size_t)size, size, bits);
    seal_tensor(w, e);
}

static size_t count_of(const weights *w, const char *name)
{
    static const size_t sizes[] = {4, 2, 2, 4};
    const uint8_t *e = entry_named(w, name);
    return (size_t)get(e + W_SIZE, 8) / sizes[get(e + W_TYPE, 4)];
}

/* No infinity and no NaN comes in, whatever the layer: not even as the very last value of a local
 * context, one of the taps that fall on no anchor, which nobody reads. */
TEST(weights_that_are_not_finite)
{
    static const char *const names[] = {"g_a.down1.conv.weight",
                                        "g_a.down1.conv.bias",
                                        "g_s.up1.conv.weight",
                                        "g_a.st1.blocks.0.norm1.weight",
                                        "g_a.st1.blocks.0.dw.conv.weight",
                                        "ctx.1.local.conv.weight",
                                        "gain",
                                        "hrate.w",
                                        "ctx.2.lrp.1.bias"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *name = names[i];
        REFUSED(name, set_value(&w, name, count_of(&w, name) - 1, 0x7C00));
        REFUSED(name, set_value(&w, name, count_of(&w, name) - 1, 0xFC00));
        REFUSED(name, set_value(&w, name, count_of(&w, name) - 1, 0x7E00));
    }
    const char *const wide = "g_a.st1.blocks.0.attn.bias_table";
    REFUSED(wide, set_value(&w, wide, 7, 0x7F800000));
    REFUSED(wide, set_value(&w, wide, 7, 0xFFC00000));
    REFUSED(wide, set_value(&w, wide, 7, 0x7F7FFFFF));
}

TEST(weights_with_bad_scales)
{
    REFUSED("low above high", set_value(&w, "scale.range", 0, 0x42C80000));
    REFUSED("high is NaN", set_value(&w, "scale.range", 1, 0x7FC00000));
    REFUSED("equal", {
        set_value(&w, "scale.range", 0, 0x3F800000);
        set_value(&w, "scale.range", 1, 0x3F800000);
    });
}

TEST(weights_with_bad_frequency_tables)
{
    static const char *const sets[] = {"cdf.y", "cdf.z"};
    for (int i = 0; i < 2; i++) {
        char cum[16], start[16], first[16];
        snprintf(cum, sizeof cum, "%s.cum", sets[i]);
        snprintf(start, sizeof start, "%s.start", sets[i]);
        snprintf(first, sizeof first, "%s.first", sets[i]);
        REFUSED(cum, set_value(&w, cum, 0, 1));
        REFUSED(cum, set_value(&w, cum, 1, 0));
        REFUSED(cum, set_value(&w, cum, count_of(&w, cum) - 1, 0));
        REFUSED(start, set_value(&w, start, 0, 1));
        REFUSED(start, set_value(&w, start, 1, 0));
        REFUSED(start, set_value(&w, start, 1, 0x80000000u));
        REFUSED(start, set_value(&w, start, 1, 0x7FFFFFFF));
        REFUSED(start, set_value(&w, start, count_of(&w, start) - 1, 0x7FFFFFFF));
        REFUSED(start, set_value(&w, start, count_of(&w, start) - 1, 5));
        REFUSED(first, set_value(&w, first, 0, 0x7FFFFFFF));
    }
}
