/* fuzz_encode.c - pictures of the input's shape and samples encoded with the tiny network, whole
 * and from rows, which must give the same bytes, and decoded, whole and to rows, which must give
 * the same pixels; and the options of an encoder, sound or not.
 *
 * Input: width, height (1 byte each), what is asked for (1), side of tiles and largest error (2),
 * quality (8, a double), type of a chunk (4) and its length (1), the chunk, then samples, repeated
 * as needed. */
#include "tests/fuzz/fuzz.h"
#include "tests/rows.h"
#include "tests/weights_file.h"

enum {
    GREY = 1,
    WIDE = 2,
    TWO_THREADS = 4,
    SOUND_QUALITY = 8,
    SOUND_TILES = 16,
    WITH_CHUNK = 32,
    WITHOUT_LOSS = 64,
    CHOOSES = 128
};
enum { MAX_SIDE = 70, MAX_MEMORY = 96 << 20 };

static lic_model *model;

static void close_model(void)
{
    lic_model_close(model);
}

static void open_model(void)
{
    weights w = read_tiny();
    model = fuzz_open_model(w.data, w.bytes);
    free(w.data);
    FUZZ_CHECK(model);
    atexit(close_model);
}

/* What an input asks for. */
struct wish {
    lic_image image;
    lic_options options;
    lic_encode_options encode;
    lic_chunk chunk;
};

static void read_chunk(lic_reader *r, struct wish *w)
{
    memcpy(w->chunk.type, &(uint32_t){lic_read_u32(r)}, 4);
    const size_t bytes = lic_read_u8(r), left = (size_t)(r->end - r->at);
    w->chunk.data = r->at;
    w->chunk.bytes = bytes < left ? bytes : left;
    r->at += w->chunk.bytes;
    w->encode.chunks = &w->chunk;
}

/* A picture and options, as the bytes say. */
static struct wish read_wish(lic_reader *r)
{
    struct wish w = {
        .image = {.width = 1 + lic_read_u8(r) % MAX_SIDE, .height = 1 + lic_read_u8(r) % MAX_SIDE}};
    const uint32_t how = lic_read_u8(r), side = lic_read_u16(r);
    const uint64_t quality = lic_read_u32(r) | (uint64_t)lic_read_u32(r) << 32;
    lic_options_init(&w.options);
    lic_encode_options_init(&w.encode);
    w.options.threads = how & TWO_THREADS ? 2 : 1;
    w.options.max_memory = MAX_MEMORY;
    w.encode.tile_side = how & SOUND_TILES ? side % 4 * 64 : side;
    memcpy(&w.encode.quality, &quality, sizeof quality);
    if (how & SOUND_QUALITY)
        w.encode.quality = (double)(quality % 101);
    w.encode.lossless = how & WITHOUT_LOSS ? LIC_LOSSLESS_YES
                        : how & CHOOSES    ? LIC_LOSSLESS_AUTO
                                           : LIC_LOSSLESS_NO;
    if (how & WITHOUT_LOSS)
        w.encode.near = how & SOUND_TILES ? side / 4 % 16 : side / 4;
    w.image.channels = how & GREY ? 1 : 3;
    w.image.depth = how & WIDE ? 16 : 8;
    w.image.stride_bytes = (size_t)w.image.width * w.image.channels * (w.image.depth / 8);
    read_chunk(r, &w);
    w.encode.n_chunks = how & WITH_CHUNK ? 1 : 0;
    return w;
}

/* Rows that come and go: those of `image`. */
struct rows {
    const lic_image *image;
    uint32_t next;
};

static uint8_t *row_at(const struct rows *r, uint32_t y)
{
    return (uint8_t *)r->image->data + y * r->image->stride_bytes;
}

static int give_rows(void *user, uint32_t first, uint32_t n, void *rows, size_t stride)
{
    struct rows *r = user;
    FUZZ_CHECK(first == r->next && n > 0 && n <= r->image->height - first);
    for (uint32_t y = 0; y < n; y++)
        memcpy((uint8_t *)rows + y * stride, row_at(r, first + y), r->image->stride_bytes);
    r->next += n;
    return 0;
}

static int check_rows(void *user, uint32_t first, uint32_t n, void *rows, size_t stride)
{
    struct rows *r = user;
    FUZZ_CHECK(first == r->next && n > 0 && n <= r->image->height - first);
    for (uint32_t y = 0; y < n; y++)
        FUZZ_CHECK(
            !memcmp((uint8_t *)rows + y * stride, row_at(r, first + y), r->image->stride_bytes));
    r->next += n;
    return 0;
}

/* No sample is off by more than was asked for. */
static void check_error(const lic_image *out, const struct wish *w)
{
    for (uint32_t y = 0; y < out->height; y++)
        for (size_t i = 0; i < (size_t)out->width * out->channels; i++) {
            const uint32_t a = image_sample(out, y, i), b = image_sample(&w->image, y, i);
            FUZZ_CHECK((a > b ? a - b : b - a) <= w->encode.near);
        }
}

/* What was encoded can be decoded. */
static void decode(const lic_buffer *file, const struct wish *w)
{
    lic_session *decoder = NULL;
    lic_image out;
    lic_error err = {0};
    FUZZ_CHECK(lic_session_new(model, &w->options, &decoder, &err) == LIC_OK);
    FUZZ_CHECK(lic_session_decode(decoder, file->data, file->bytes, NULL, &out, &err) == LIC_OK);
    FUZZ_CHECK(out.width == w->image.width && out.height == w->image.height);
    FUZZ_CHECK(out.channels == w->image.channels && out.depth == w->image.depth);
    if (w->encode.lossless == LIC_LOSSLESS_YES)
        check_error(&out, w);
    struct rows rows = {.image = &out};
    FUZZ_CHECK(decode_rows(decoder, file->data, file->bytes, NULL, check_rows, &rows, &err) ==
               LIC_OK);
    FUZZ_CHECK(rows.next == out.height);
    lic_image_free(&out);
    lic_session_free(decoder);
}

/* Encodes as a whole and by rows, which must agree. */
static void encode(const struct wish *w)
{
    lic_session *encoder = NULL;
    lic_buffer file = {0}, by_rows = {0};
    lic_error err = {0}, err_rows = {0};
    struct rows rows = {.image = &w->image};
    FUZZ_CHECK(lic_session_new(model, &w->options, &encoder, &err) == LIC_OK);
    const lic_status status = lic_session_encode(encoder, &w->image, &w->encode, &file, &err);
    fuzz_check_error(status, &err);
    const lic_status other =
        encode_rows(encoder, &w->image, give_rows, &rows, &w->encode, &by_rows, &err_rows);
    fuzz_check_error(other, &err_rows);
    FUZZ_CHECK(status == LIC_OK || status == LIC_ERR_ARGUMENT || status == LIC_ERR_LIMIT);
    FUZZ_CHECK((status == LIC_OK) == (file.data != NULL) && status == other);
    FUZZ_CHECK(file.bytes == by_rows.bytes &&
               (status || !memcmp(file.data, by_rows.data, file.bytes)));
    if (status == LIC_OK)
        decode(&file, w);
    lic_buffer_free(&file);
    lic_buffer_free(&by_rows);
    lic_session_free(encoder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    lic_reader r = {data, data + bytes, false};
    if (!model)
        open_model();
    struct wish w = read_wish(&r);
    const size_t n = w.image.stride_bytes * w.image.height, left = (size_t)(r.end - r.at);
    uint8_t *samples = calloc(n, 1);
    FUZZ_CHECK(samples);
    for (size_t i = 0; i < n && left; i++)
        samples[i] = r.at[i % left];
    w.image.data = samples;
    encode(&w);
    free(samples);
    return 0;
}
