/* weights_file.h - copies of the tiny network's weights file to be changed: its entries found by
 * name, tensors added, its checksums made right again. */
#ifndef LIC_TESTS_WEIGHTS_FILE_H
#define LIC_TESTS_WEIGHTS_FILE_H

#include "codec/base/bytes.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Places in the file, WEIGHTS.md. */
enum {
    W_HEAD = 64,
    W_CONFIG = 64,
    W_ENTRY = 128,
    W_VERSION_AT = 8,
    W_N_CONFIG_AT = 12,
    W_N_TENSORS_AT = 16,
    W_CRC_AT = 20,
    W_BYTES_AT = 24,
    W_PAYLOAD_AT = 32,
    W_HASH_AT = 40,
    W_FAMILY_AT = 48,
    W_KEY = 24,  /* bytes of a key, before its type and value */
    W_TYPE = 72, /* in a tensor's entry */
    W_RANK = 76,
    W_DIMS = 80,
    W_OFFSET = 96,
    W_SIZE = 104,
    W_TENSOR_CRC = 112
};

typedef struct weights {
    uint8_t *data;
    size_t bytes;
} weights;

static inline uint64_t get(const uint8_t *at, int n)
{
    uint64_t v = 0;
    while (n-- > 0)
        v = v << 8 | at[n];
    return v;
}

static inline void put(uint8_t *at, int n, uint64_t v)
{
    for (; n-- > 0; v >>= 8)
        *at++ = (uint8_t)v;
}

/* A file of tests/golden as it is, with room for more tensors. */
static inline weights read_golden(const char *name)
{
    const char *here = __FILE__;
    char path[512];
    snprintf(path, sizeof path, "%.*s/golden/%s", (int)(strrchr(here, '/') - here), here, name);
    FILE *file = fopen(path, "rb");
    weights w = {calloc(1, (size_t)1 << 20), 0};
    if (file && w.data)
        w.bytes = fread(w.data, 1, (size_t)1 << 19, file);
    if (!w.bytes) {
        printf("cannot read %s\n", path);
        exit(2);
    }
    fclose(file);
    return w;
}

static inline weights read_tiny(void)
{
    return read_golden("tiny.licw");
}

static inline uint32_t n_config(const weights *w)
{
    return (uint32_t)get(w->data + W_N_CONFIG_AT, 4);
}

static inline uint32_t n_tensors(const weights *w)
{
    return (uint32_t)get(w->data + W_N_TENSORS_AT, 4);
}

static inline uint8_t *config_at(const weights *w, uint32_t i)
{
    return w->data + W_HEAD + (size_t)i * W_CONFIG;
}

static inline uint8_t *entry_at(const weights *w, uint32_t i)
{
    return config_at(w, n_config(w)) + (size_t)i * W_ENTRY;
}

static inline uint8_t *config_named(const weights *w, const char *key)
{
    for (uint32_t i = 0; i < n_config(w); i++)
        if (!strcmp((char *)config_at(w, i), key))
            return config_at(w, i);
    printf("no configuration entry %s\n", key);
    exit(2);
}

static inline uint8_t *entry_named(const weights *w, const char *name)
{
    for (uint32_t i = 0; i < n_tensors(w); i++)
        if (!strcmp((char *)entry_at(w, i), name))
            return entry_at(w, i);
    printf("no tensor %s\n", name);
    exit(2);
}

static inline uint8_t *payload_of(const weights *w, const uint8_t *entry)
{
    return w->data + get(entry + W_OFFSET, 8);
}

/* Checksum of a tensor whose values were changed. */
static inline void seal_tensor(const weights *w, uint8_t *entry)
{
    const uint32_t crc = lic_crc32(0, payload_of(w, entry), (size_t)get(entry + W_SIZE, 8));
    put(entry + W_TENSOR_CRC, 4, crc);
}

/* Checksum of head and tables, if the payload's place allows one. */
static inline void seal_head(const weights *w)
{
    const uint64_t payload = get(w->data + W_PAYLOAD_AT, 8);
    if (payload < W_HEAD || payload > w->bytes)
        return;
    put(w->data + W_CRC_AT, 4, 0);
    put(w->data + W_CRC_AT, 4, lic_crc32(0, w->data, (size_t)payload));
}

/* Room for an entry of a table; its bytes are a multiple of 64, so that all stays aligned. */
static inline void insert_entry(weights *w, uint8_t *at, size_t bytes)
{
    for (uint32_t i = 0; i < n_tensors(w); i++)
        put(entry_at(w, i) + W_OFFSET, 8, get(entry_at(w, i) + W_OFFSET, 8) + bytes);
    memmove(at + bytes, at, w->bytes - (size_t)(at - w->data));
    memset(at, 0, bytes);
    put(w->data + W_PAYLOAD_AT, 8, get(w->data + W_PAYLOAD_AT, 8) + bytes);
    w->bytes += bytes;
    put(w->data + W_BYTES_AT, 8, w->bytes);
}

/* One more entry at the end of the configuration, of which only the key is there yet. */
static inline uint8_t *add_config(weights *w, const char *key)
{
    uint8_t *config = config_at(w, n_config(w));
    char copy[W_KEY] = {0}; /* key may be in the file, which moves */
    snprintf(copy, sizeof copy, "%s", key);
    insert_entry(w, config, W_CONFIG);
    put(w->data + W_N_CONFIG_AT, 4, n_config(w) + 1);
    memcpy(config, copy, sizeof copy);
    return config;
}

/* One more tensor, at the end of the table and of the file. */
static inline void add_tensor(weights *w, const char *name, uint32_t type, uint32_t rank,
                              const uint32_t dims[4], const void *values, size_t bytes)
{
    uint8_t *entry = entry_at(w, n_tensors(w));
    insert_entry(w, entry, W_ENTRY);
    put(w->data + W_N_TENSORS_AT, 4, n_tensors(w) + 1);
    while (w->bytes % 64)
        w->data[w->bytes++] = 0;
    snprintf((char *)entry, W_TYPE, "%s", name);
    put(entry + W_TYPE, 4, type);
    put(entry + W_RANK, 4, rank);
    for (int d = 0; d < 4; d++)
        put(entry + W_DIMS + 4 * d, 4, dims[d]);
    put(entry + W_OFFSET, 8, w->bytes);
    put(entry + W_SIZE, 8, bytes);
    memcpy(w->data + w->bytes, values, bytes);
    w->bytes += bytes;
    put(w->data + W_BYTES_AT, 8, w->bytes);
    seal_tensor(w, entry);
}

/* Another tensor in place of one, of so many rows of the same length; the old bytes belong to
 * nobody then. */
static inline void replace_tensor(weights *w, const char *name, uint32_t rows, const void *values)
{
    uint8_t old[W_ENTRY], *entry = entry_named(w, name), *last = entry_at(w, n_tensors(w) - 1);
    uint32_t dims[4];
    memcpy(old, entry, W_ENTRY);
    memmove(entry, entry + W_ENTRY, (size_t)(last - entry));
    memset(last, 0, W_ENTRY);
    put(w->data + W_N_TENSORS_AT, 4, n_tensors(w) - 1);
    for (int d = 0; d < 4; d++)
        dims[d] = (uint32_t)get(old + W_DIMS + 4 * d, 4);
    const size_t row_bytes = (size_t)get(old + W_SIZE, 8) / dims[0];
    dims[0] = rows;
    add_tensor(w, name, (uint32_t)get(old + W_TYPE, 4), (uint32_t)get(old + W_RANK, 4), dims,
               values, rows * row_bytes);
}

/* A file of heads for previews of the network with this hash, in which there is no head yet. */
static inline weights no_previews(uint64_t hash)
{
    weights w = {calloc(1, (size_t)1 << 20), W_HEAD};
    if (!w.data)
        exit(2);
    memcpy(w.data, "\x8Flicw\r\n\x1A", 8);
    put(w.data + W_VERSION_AT, 4, 4);
    put(w.data + W_PAYLOAD_AT, 8, W_HEAD);
    snprintf((char *)w.data + W_FAMILY_AT, 16, "s2lic-previews");
    uint8_t *name = add_config(&w, "name");
    put(name + W_KEY, 4, 1);
    snprintf((char *)name + W_KEY + 8, 32, "tiny");
    put(add_config(&w, "network") + W_KEY + 8, 8, hash);
    seal_head(&w);
    return w;
}

/* A number within 1/128 and 1/8, or its negative, as binary16; and its value. */
static inline uint16_t some_half(uint32_t random)
{
    return (uint16_t)((random & 0x83FF) | (8 + (random >> 16) % 4) << 10);
}

static inline float half_value(uint16_t half)
{
    const float size = (float)(1024 + (half & 0x3FF)) / (float)(1 << (25 - (half >> 10 & 31)));
    return half & 0x8000 ? -size : size;
}

/* A head for previews of the first two slices, side x side colours for each latent: deterministic
 * values within [-0.1, 0.1]. */
static inline void add_preview_head(weights *w, uint32_t side)
{
    enum { LEVELS = 8, CHANNELS = 6, MOST = LEVELS * 3 * 16 * 9 * CHANNELS };
    static float values[MOST];
    const uint32_t outputs = 3 * side * side, n = LEVELS * outputs * 9 * CHANNELS;
    const uint32_t dims[4] = {LEVELS, outputs, 9, CHANNELS}, bias[4] = {LEVELS, outputs, 1, 1};
    for (uint32_t i = 0; i < n && i < MOST; i++)
        values[i] = (float)(i * 7919 % 2001) * 1e-4f - 0.1f;
    add_tensor(w, "preview.weight", 0, 4, dims, values, n * sizeof *values);
    add_tensor(w, "preview.bias", 0, 2, bias, values, LEVELS * outputs * sizeof *values);
    seal_head(w);
}

#endif
