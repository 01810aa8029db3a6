/* fuzz_weights.c - the tiny network's weights file, patched as the input says, checksums made
 * right, opened, and used on a 16x16 picture if it opens: whatever finite weights are in it,
 * encoder and decoder end without a fault, and the decoder reads what the encoder wrote, previews
 * included.
 *
 * Input: records of 12 bytes: what to patch (1; 128 and more in the first: in the network in
 * integers; 192 and more: in the file of heads for previews beside the first), which entry (2),
 * where in it (1), a value (8). An input that is a weights file itself is taken as it is. */
#include "codec/model.h"
#include "tests/fuzz/fuzz.h"
#include "tests/weights_file.h"

enum { RECORD = 12, SIDE = 16 };
enum {
    CONFIG_VALUE,
    CONFIG_BYTE,
    FIELD,
    FIELD_SMALL,
    FILL,
    FILL_VALUE,
    HEAD_WORD,
    CUT,
    BYTE,
    N_PATCHES
};

struct patched {
    uint8_t *data;
    size_t bytes, whole; /* now, and of the network that was patched */
    uint32_t n_config, n_tensors;
    bool sealed;
};

static weights networks[2]; /* in floats, in integers */
static weights heads;       /* for previews, of the first */

static void free_networks(void)
{
    free(networks[0].data);
    free(networks[1].data);
    free(heads.data);
}

/* With a head for previews, so that there is one to patch. */
static void make_networks(void)
{
    networks[0] = read_tiny();
    networks[1] = read_golden("integers.licw");
    add_preview_head(&networks[0], 1);
    add_preview_head(&networks[1], 1);
    heads = no_previews(get(networks[0].data + W_HASH_AT, 8));
    add_preview_head(&heads, 4);
    atexit(free_networks);
}

static uint8_t *entry_of(const struct patched *w, uint32_t i)
{
    return w->data + W_HEAD + (size_t)w->n_config * W_CONFIG + (size_t)(i % w->n_tensors) * W_ENTRY;
}

/* Every float of the tensor, or those with a number that `where` divides. */
static void fill(struct patched *w, const uint8_t *entry, uint32_t where, uint64_t value)
{
    const uint64_t offset = get(entry + 96, 8), bytes = get(entry + 104, 8);
    const uint64_t type = get(entry + 72, 4);
    const uint64_t size = type == 0 || type == 3 ? 4 : type == 4 ? 1 : 2;
    if (offset > w->bytes || bytes > w->bytes - offset)
        return;
    for (uint64_t i = 0; i + size <= bytes; i += size * (where + 1))
        put(w->data + offset + i, (int)size, value);
}

/* Values that layers may find hard to take, as binary32 or binary16. */
static uint64_t hard_value(const uint8_t *entry, uint32_t i)
{
    static const uint32_t floats[8] = {0x7149F2CAu, 0xF149F2CAu, 0,           0x00000001u,
                                       0x7F800000u, 0x7FC00000u, 0x5F000000u, 0xBF800000u};
    static const uint16_t halves[8] = {0x7BFF, 0xFBFF, 0, 1, 0x7C00, 0x7E00, 0x5640, 0xBC00};
    return get(entry + 72, 4) == 0 ? floats[i % 8] : halves[i % 8];
}

/* Changes one field of the file, as the record says. */
static void patch(struct patched *w, const uint8_t *record)
{
    const uint32_t which = (uint32_t)get(record + 1, 2), where = record[3];
    const uint64_t value = get(record + 4, 8);
    uint8_t *config = w->data + W_HEAD + (size_t)(which % w->n_config) * W_CONFIG,
            *entry = entry_of(w, which);
    switch (record[0] % N_PATCHES) {
    case CONFIG_VALUE:
        put(config + 32, 8, value);
        break;
    case CONFIG_BYTE:
        config[where % W_CONFIG] = (uint8_t)value;
        break;
    case FIELD:
        put(entry + 72 + where % 11 * 4, 4, value);
        break;
    case FIELD_SMALL:
        entry[where % W_ENTRY] = (uint8_t)value;
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
        w->bytes = where < 16 ? W_HEAD + value % (w->bytes - W_HEAD + 1) : w->bytes;
        w->sealed = where != 20;
        break;
    default:
        w->data[value % w->bytes] = (uint8_t)where;
    }
}

/* Makes all checksums right, as far as the places of things allow it. */
static void seal(struct patched *w)
{
    const uint64_t tables =
        W_HEAD + (uint64_t)w->n_config * W_CONFIG + (uint64_t)w->n_tensors * W_ENTRY;
    const uint64_t payload = get(w->data + 32, 8);
    for (uint32_t i = 0; i < w->n_tensors && tables <= w->bytes; i++) {
        uint8_t *entry = entry_of(w, i);
        const uint64_t offset = get(entry + 96, 8), bytes = get(entry + 104, 8);
        if (offset <= w->bytes && bytes <= w->bytes - offset)
            put(entry + 112, 4, lic_crc32(0, w->data + offset, (size_t)bytes));
    }
    if (get(w->data + 24, 8) == w->whole)
        put(w->data + 24, 8, w->bytes);
    put(w->data + 20, 4, 0);
    if (payload >= W_HEAD && payload <= w->bytes)
        put(w->data + 20, 4, lic_crc32(0, w->data, (size_t)payload));
}

/* A small picture, by a head for previews if the model still has one. */
static void preview(const lic_model *model, const lic_buffer *file, const lic_options *options,
                    uint32_t scale)
{
    lic_session *decoder = NULL;
    lic_decode_options reduced;
    lic_image out;
    lic_error err = {0};
    lic_decode_options_init(&reduced);
    reduced.scale = scale;
    FUZZ_CHECK(lic_session_new(model, options, &decoder, &err) == LIC_OK);
    FUZZ_CHECK(lic_session_decode(decoder, file->data, file->bytes, &reduced, &out, &err) ==
               LIC_OK);
    FUZZ_CHECK(out.width == SIDE / scale && out.height == SIDE / scale);
    lic_image_free(&out);
    lic_session_free(decoder);
}

/* The same by a model that was opened for such pictures alone. */
static void preview_alone(const struct patched *w, const lic_buffer *file,
                          const lic_options *options)
{
    lic_model *model = NULL;
    lic_model_options opening;
    lic_error err = {0};
    lic_model_options_init(&opening);
    opening.threads = 1;
    opening.uses = LIC_MODEL_PREVIEWS;
    opening.scale = 16;
    FUZZ_CHECK(lic_model_open_memory(w->data, w->bytes, &opening, &model, &err) == LIC_OK);
    preview(model, file, options, 16);
    lic_model_close(model);
}

/* Encodes and decodes with weights that were accepted: those of w, or others with new heads. */
static void use(const lic_model *model, const struct patched *w)
{
    uint8_t pixels[SIDE * SIDE * 3];
    const lic_image picture = {.data = pixels,
                               .stride_bytes = SIDE * 3,
                               .width = SIDE,
                               .height = SIDE,
                               .channels = 3,
                               .depth = 8};
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
        status = lic_decode(model, file.data, file.bytes, &options, NULL, &out, &err);
        fuzz_check_error(status, &err);
        FUZZ_CHECK(status == LIC_OK);
        lic_image_free(&out);
        for (uint32_t scale = 4; scale <= 16; scale *= 2)
            preview(model, &file, &options, scale);
        if (w)
            preview_alone(w, &file, &options);
    }
    lic_buffer_free(&file);
}

/* The first network with these heads; NULL, if they are refused. */
static lic_model *with_heads(const uint8_t *data, size_t bytes)
{
    lic_error err = {0};
    lic_model_info info;
    lic_model *model = fuzz_open_model(networks[0].data, networks[0].bytes);
    const lic_status status = lic_model_add_previews(model, data, bytes, &err);
    fuzz_check_error(status, &err);
    FUZZ_CHECK(status == LIC_OK || status == LIC_ERR_MODEL_INVALID);
    lic_model_get_info(model, &info);
    if (status) {
        FUZZ_CHECK(info.preview_scale == 16);
        lic_model_close(model);
        model = NULL;
    }
    return model;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (!networks[0].data)
        make_networks();
    const bool is_heads = bytes && data[0] >= 192;
    const weights *from = is_heads ? &heads : &networks[bytes && data[0] >= 128];
    const bool whole = bytes >= W_HEAD && !memcmp(data, from->data, 8);
    struct patched w = {.sealed = true, .whole = from->bytes};
    w.bytes = whole ? bytes : from->bytes;
    w.data = fuzz_copy(whole ? data : from->data, w.bytes);
    w.n_config = (uint32_t)get(w.data + 12, 4);
    w.n_tensors = (uint32_t)get(w.data + 16, 4);
    for (size_t i = 0; !whole && i + RECORD <= bytes && i < 64 * RECORD; i += RECORD)
        patch(&w, data + i);
    if (!whole && w.sealed)
        seal(&w);
    lic_model *model = is_heads ? with_heads(w.data, w.bytes) : fuzz_open_model(w.data, w.bytes);
    if (model)
        use(model, is_heads ? NULL : &w);
    lic_model_close(model);
    free(w.data);
    return 0;
}
