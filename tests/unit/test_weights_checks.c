/* test_weights_checks.c - weights files with exactly one fault, which only one check of the loader
 * catches. Their neighbours without that fault are accepted. */
#include "tests/unit/weights_fixture.h"

/* Seals the copy, opens it and drops it. */
static void check_opens(weights w, const char *what, lic_status want)
{
    lic_error err;
    seal_head(&w);
    write_weights(&w);
    const lic_status status = open_status(weights_path, &err);
    if (test_failed(status == want))
        printf("%s: %s %s\n", what, lic_status_name(status), err.text);
    free(w.data);
}

/* The latents' tables, n of them, each of an escape alone. */
static weights with_tables(uint32_t n)
{
    static const uint8_t zeros[4 * 300];
    int32_t starts[300];
    weights w = read_tiny();
    for (uint32_t i = 0; i <= n; i++)
        starts[i] = (int32_t)i;
    replace_tensor(&w, "cdf.y.cum", n, zeros);
    replace_tensor(&w, "cdf.y.first", n, zeros);
    replace_tensor(&w, "cdf.y.start", n + 1, starts);
    return w;
}

/* An index of a table is a byte. */
TEST(weights_with_more_tables_than_a_byte_counts)
{
    check_opens(with_tables(2), "2 tables", LIC_OK);
    check_opens(with_tables(256), "256 tables", LIC_OK);
    check_opens(with_tables(257), "257 tables", LIC_ERR_MODEL_INVALID);
    check_opens(with_tables(1), "1 table", LIC_ERR_MODEL_INVALID);
}

/* The global context of so many heads, which have 12 channels together. */
static weights with_heads(uint32_t n)
{
    static const char *const names[] = {"ctx.1.ag.off.weight", "ctx.1.ag.off.bias",
                                        "ctx.2.ag.off.weight", "ctx.2.ag.off.bias"};
    static const uint8_t zeros[2 * 12 * 2 * 24];
    weights w = read_tiny();
    put(config_named(&w, "heads") + 32, 8, n);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        replace_tensor(&w, names[i], 2 * n, zeros);
    return w;
}

TEST(weights_with_heads_that_do_not_divide_their_channels)
{
    for (uint32_t n = 1; n <= 24; n++)
        check_opens(with_heads(n), "heads", 12 % n ? LIC_ERR_MODEL_INVALID : LIC_OK);
}

/* Entry i again, under its key or another one: which of the two counts is not the question. */
static weights with_entry_again(uint32_t i, const char *key)
{
    weights w = read_tiny();
    uint8_t *last = add_config(&w, key ? key : (char *)config_at(&w, i));
    memcpy(last + W_KEY, config_at(&w, i) + W_KEY, W_CONFIG - W_KEY);
    return w;
}

TEST(weights_with_a_key_twice)
{
    weights w = read_tiny();
    for (uint32_t i = 0; i < n_config(&w); i++) {
        check_opens(with_entry_again(i, NULL), (char *)config_at(&w, i), LIC_ERR_MODEL_INVALID);
        check_opens(with_entry_again(i, "other"), "other", LIC_OK);
    }
    free(w.data);
}

/* The last tensor moved back by so many bytes, and its entry with it. */
static weights with_gap(size_t bytes)
{
    weights w = read_tiny();
    uint8_t *entry = entry_at(&w, n_tensors(&w) - 1), *at = payload_of(&w, entry);
    const size_t size = (size_t)get(entry + W_SIZE, 8);
    memmove(at + bytes, at, size);
    put(entry + W_OFFSET, 8, get(entry + W_OFFSET, 8) + bytes);
    w.bytes = (size_t)(at - w.data) + bytes + size;
    put(w.data + W_BYTES_AT, 8, w.bytes);
    return w;
}

TEST(weights_with_a_tensor_that_is_not_aligned)
{
    for (size_t bytes = 0; bytes <= 128; bytes++)
        check_opens(with_gap(bytes), "gap", bytes % 64 ? LIC_ERR_MODEL_INVALID : LIC_OK);
}
