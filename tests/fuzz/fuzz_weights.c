/* fuzz_weights.c - the tiny network's weights file, patched as the input says, checksums made right,
 * opened, and used on a 16x16 picture if it opens: whatever finite weights are in it, encoder and
 * decoder end without a fault, and the decoder reads what the encoder wrote.
 *
 * Input: records of 12 bytes: what to patch (1), which entry (2), where in it (1), a value (8). An
 * input that is a weights file itself is taken as it is. */
#include "tests/fuzz/fuzz.h"

#include <unistd.h>

enum { HEAD = 64, CONFIG = 64, ENTRY = 128, RECORD = 12, SIDE = 16 };
enum { CONFIG_VALUE, CONFIG_BYTE, FIELD, FIELD_SMALL, FILL, FILL_VALUE, HEAD_WORD, CUT, BYTE, N_PATCHES };

struct weights {
    uint8_t *data;
    size_t bytes;
    uint32_t n_config, n_tensors;
    bool sealed;
};

static uint8_t *tiny;
static size_t tiny_bytes;

static void free_tiny(void)
{
    free(tiny);
}

static void read_tiny(void)
{
    const char *here = __FILE__;
    char path[512];
    snprintf(path, sizeof path, "%.*s/../golden/tiny.licw", (int)(strrchr(here, '/') - here), here);
    FILE *file = fopen(path, "rb");
    tiny = malloc((size_t)1 << 20);
    FUZZ_CHECK(file && tiny);
    tiny_bytes = fread(tiny, 1, (size_t)1 << 20, file);
    fclose(file);
    atexit(free_tiny);
}

static uint64_t get(const uint8_t *at, int n)
{
    uint64_t v = 0;
    while (n-- > 0)
        v = v << 8 | at[n];
    return v;
}

static void put(uint8_t *at, int n, uint64_t v)
{
    for (; n-- > 0; v >>= 8)
        *at++ = (uint8_t)v;
}

static uint8_t *entry_at(const struct weights *w, uint32_t i)
{
    return w->data + HEAD + (size_t)w->n_config * CONFIG + (size_t)(i % w->n_tensors) * ENTRY;
}

/* Every float of the tensor, or those with a number that `where` divides. */
static void fill(struct weights *w, const uint8_t *entry, uint32_t where, uint64_t value)
{
    const uint64_t offset = get(entry + 96, 8), bytes = get(entry + 104, 8);
    const uint64_t type = get(entry + 72, 4), size = type == 0 || type == 3 ? 4 : 2;
    if (offset > w->bytes || bytes > w->bytes - offset)
        return;
    for (uint64_t i = 0; i + size <= bytes; i += size * (where + 1))
        put(w->data + offset + i, (int)size, value);
}

/* Values that layers may find hard to take, as binary32 or binary16. */
static uint64_t hard_value(const uint8_t *entry, uint32_t i)
{
    static const uint32_t floats[8] = {0x7149F2CAu, 0xF149F2CAu, 0,          0x00000001u,
                                       0x7F800000u, 0x7FC00000u, 0x5F000000u, 0xBF800000u};
    static const uint16_t halves[8] = {0x7BFF, 0xFBFF, 0, 1, 0x7C00, 0x7E00, 0x5640, 0xBC00};
    return get(entry + 72, 4) == 0 ? floats[i % 8] : halves[i % 8];
}

static void patch(struct weights *w, const uint8_t *record)
{
    const uint32_t which = (uint32_t)get(record + 1, 2), where = record[3];
    const uint64_t value = get(record + 4, 8);
    uint8_t *config = w->data + HEAD + (size_t)(which % w->n_config) * CONFIG, *entry = entry_at(w, which);
    switch (record[0] % N_PATCHES) {
    case CONFIG_VALUE:
        put(config + 32, 8, value);
        break;
    case CONFIG_BYTE:
        config[where % CONFIG] = (uint8_t)value;
        break;
    case FIELD:
        put(entry + 72 + where % 11 * 4, 4, value);
        break;
    case FIELD_SMALL:
        entry[where % ENTRY] = (uint8_t)value;
        break;
    case FILL:
        fill(w, entry, where, value);
        break;
    case FILL_VALUE:
        fill(w, entry, where, hard_value(entry, (uint32_t)value));
        break;
    case HEAD_WORD:
        put(w->data + where % 16 * 4, 4, value);
        break;
    case CUT:
        w->bytes = where < 16 ? HEAD + value % (w->bytes - HEAD) : w->bytes;
        w->sealed = where != 20;
        break;
    default:
        w->data[value % w->bytes] = (uint8_t)where;
    }
}

/* Makes all checksums right, as far as the places of things allow it. */
static void seal(struct weights *w)
{
    const uint64_t tables = HEAD + (uint64_t)w->n_config * CONFIG + (uint64_t)w->n_tensors * ENTRY;
    const uint64_t payload = get(w->data + 32, 8);
    for (uint32_t i = 0; i < w->n_tensors && tables <= w->bytes; i++) {
        uint8_t *entry = entry_at(w, i);
        const uint64_t offset = get(entry + 96, 8), bytes = get(entry + 104, 8);
        if (offset <= w->bytes && bytes <= w->bytes - offset)
            put(entry + 112, 4, lic_crc32(0, w->data + offset, (size_t)bytes));
    }
    if (get(w->data + 24, 8) == tiny_bytes)
        put(w->data + 24, 8, w->bytes);
    put(w->data + 20, 4, 0);
    if (payload >= HEAD && payload <= w->bytes)
        put(w->data + 20, 4, lic_crc32(0, w->data, (size_t)payload));
}

static lic_model *open_bytes(const struct weights *w)
{
    char path[64];
    lic_model *model = NULL;
    lic_model_options options;
    lic_error err = {0};
    FILE *file = tmpfile();
    FUZZ_CHECK(file && fwrite(w->data, 1, w->bytes, file) == w->bytes && !fflush(file));
    snprintf(path, sizeof path, "/proc/self/fd/%d", fileno(file));
    lic_model_options_init(&options);
    options.threads = 1;
    const lic_status status = lic_model_open(path, &options, &model, &err);
    fuzz_check_error(status, &err);
    FUZZ_CHECK((status == LIC_OK) == (model != NULL));
    FUZZ_CHECK(status == LIC_OK || status == LIC_ERR_MODEL_INVALID);
    fclose(file);
    return model;
}

static void use(const lic_model *model)
{
    uint8_t pixels[SIDE * SIDE * 3];
    const lic_image picture = {pixels, SIDE * 3, SIDE, SIDE, 3, 8};
    lic_options options;
    lic_encode_options encode;
    lic_buffer file;
    lic_image out;
    lic_error err = {0};
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * i / 7);
    lic_options_init(&options);
    options.threads = 1;
    options.max_memory = (uint64_t)256 << 20;
    lic_encode_options_init(&encode);
    lic_status status = lic_encode(model, &picture, &options, &encode, &file, &err);
    fuzz_check_error(status, &err);
    FUZZ_CHECK(status == LIC_OK || status == LIC_ERR_LIMIT);
    if (status == LIC_OK) {
        status = lic_decode(model, file.data, file.bytes, &options, 0, &out, &err);
        fuzz_check_error(status, &err);
        FUZZ_CHECK(status == LIC_OK);
        lic_image_free(&out, NULL);
    }
    lic_buffer_free(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (!tiny)
        read_tiny();
    const bool whole = bytes >= HEAD && !memcmp(data, tiny, 8);
    struct weights w = {.sealed = true};
    w.bytes = whole ? bytes : tiny_bytes;
    w.data = fuzz_copy(whole ? data : tiny, w.bytes);
    w.n_config = (uint32_t)get(w.data + 12, 4);
    w.n_tensors = (uint32_t)get(w.data + 16, 4);
    for (size_t i = 0; !whole && i + RECORD <= bytes && i < 64 * RECORD; i += RECORD)
        patch(&w, data + i);
    if (!whole && w.sealed)
        seal(&w);
    lic_model *model = open_bytes(&w);
    if (model)
        use(model);
    lic_model_close(model);
    free(w.data);
    return 0;
}
