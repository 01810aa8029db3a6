/* fuzz_decode.c - whole files decoded with the tiny network, some previews by its twin that has
 * heads for them. The input is a .lic file; its model id and checksum are made right. The four
 * bytes where the checksum stood choose what is asked for: whether damaged codes and latents are
 * let through to the layers behind (the checks are wrapped by the linker), rows or a whole picture,
 * depth, threads, a rectangle or a preview, only some slices, and whether the checksum is wrong so
 * that the file is to be salvaged. */
#include "codec/model.h"
#include "entropy/range_coder.h"
#include "tests/fuzz/fuzz.h"
#include "tests/rows.h"
#include "tests/weights_file.h"

#include <unistd.h>

/* Small pictures, but for the limits: tiles and work may be promised beyond them. */
enum { MAX_PIXELS = 1 << 20, MAX_TILE_PIXELS = 192 * 192, MAX_WORK = 1 << 27 };
enum { LET_THROUGH = 1, ROWS = 2, OTHER_DEPTH = 4, TWO_THREADS = 8, CANCEL = 16 };
enum { SALVAGE = 32, REDUCED = 64, SOME_SLICES = 128 };

static uint8_t control[4];

bool __real_lic_range_decoder_ok(const lic_range_decoder *dec);
bool __real_lic_range_decoder_cut(const lic_range_decoder *dec);
bool __wrap_lic_range_decoder_cut(const lic_range_decoder *dec);
uint32_t __real_lic_latent_check(tensor y_hat);
bool __wrap_lic_range_decoder_ok(const lic_range_decoder *dec);
uint32_t __wrap_lic_latent_check(tensor y_hat);

bool __wrap_lic_range_decoder_cut(const lic_range_decoder *dec)
{
    return __real_lic_range_decoder_cut(dec) && !(control[0] & LET_THROUGH);
}

bool __wrap_lic_range_decoder_ok(const lic_range_decoder *dec)
{
    return __real_lic_range_decoder_ok(dec) || control[0] & LET_THROUGH;
}

/* The checks in the file are 0 then. */
uint32_t __wrap_lic_latent_check(tensor y_hat)
{
    const uint32_t check = __real_lic_latent_check(y_hat);
    return control[0] & LET_THROUGH ? 0 : check;
}

static lic_model *models[2];   /* without and with heads for previews */
static const lic_model *model; /* for this input */

static void close_models(void)
{
    lic_model_close(models[0]);
    lic_model_close(models[1]);
}

/* Heads of 4 x 4 colours for the network with this hash. */
static void add_larger_heads(lic_model *to, uint64_t hash)
{
    weights heads = no_previews(hash);
    add_preview_head(&heads, 4);
    FUZZ_CHECK(lic_model_add_previews(to, heads.data, heads.bytes, NULL) == LIC_OK);
    free(heads.data);
}

static void open_models(void)
{
    weights w = read_tiny();
    models[0] = fuzz_open_model(w.data, w.bytes);
    add_preview_head(&w, 1);
    put(w.data + W_HASH_AT, 8, get(w.data + W_HASH_AT, 8) + 1); /* another model has another id */
    seal_head(&w);
    models[1] = fuzz_open_model(w.data, w.bytes);
    FUZZ_CHECK(models[0] && models[1]);
    add_larger_heads(models[1], get(w.data + W_HASH_AT, 8));
    free(w.data);
    atexit(close_models);
}

/* Where the checks of the tiles are, sets them to 0. */
static void clear_tile_checks(uint8_t *data, size_t bytes)
{
    lic_info info;
    lic_error err = {0};
    if (lic_probe(data, bytes, &info, &err) != LIC_OK || !info.tile_width)
        return;
    lic_reader r = {data + bytes - info.latent_bytes, data + bytes, false};
    while (r.end - r.at > 5) {
        const uint32_t n = lic_read_varint(&r);
        if (r.failed || (size_t)(r.end - r.at) < (size_t)n + 4)
            return;
        memset(data + (r.at - data), 0, 4);
        r.at += 4 + (size_t)n;
    }
}

/* Model, checks and checksum. */
static void repair(uint8_t *data, size_t bytes)
{
    lic_model_info info;
    uint8_t unused[4];
    const size_t at = fuzz_lic_crc_at(data, bytes);
    fuzz_lic_seal(data, bytes, control);
    model = models[control[0] & REDUCED && control[1] & 1];
    if (!at)
        return;
    lic_model_get_info(model, &info);
    if ((data[4] & 7) < 3) /* later ones name no model */
        lic_write_u32(data + at - 10, (data[4] & 7) == 2 ? 0 : (uint32_t)info.hash);
    if (control[0] & LET_THROUGH)
        memset(data + at - 4, 0, 4);
    fuzz_lic_seal(data, bytes, unused);
    if (control[0] & LET_THROUGH)
        clear_tile_checks(data, bytes);
    fuzz_lic_seal(data, bytes, unused);
    for (int i = 0; i < 4 && control[0] & SALVAGE; i += 2)
        data[at + (size_t)i] ^= 0xFF; /* of one wrong byte it could tell */
}

struct rows {
    uint32_t next;
    uint64_t sum;
    size_t row_bytes;
};

static int take_rows(void *user, uint32_t first, uint32_t n, void *rows, size_t stride)
{
    struct rows *r = user;
    FUZZ_CHECK(first == r->next && n > 0 && stride >= r->row_bytes);
    r->next += n;
    for (uint32_t y = 0; y < n; y++)
        r->sum += lic_crc32(0, (uint8_t *)rows + y * stride, r->row_bytes);
    return control[0] & CANCEL ? first > 64 : 0;
}

/* Sums the pixels, so that a sanitizer sees all of them. */
static uint64_t sum_of(const lic_image *image)
{
    uint64_t sum = 0;
    for (uint32_t y = 0; y < image->height; y++)
        sum += lic_crc32(0, (uint8_t *)image->data + y * image->stride_bytes, image->stride_bytes);
    return sum;
}

/* Options of the decoder, as the control bytes say. */
static lic_decode_options wanted(const lic_info *info)
{
    lic_decode_options o;
    lic_decode_options_init(&o);
    o.depth = control[0] & OTHER_DEPTH ? 24 - info->depth : 0;
    o.channels = control[2] & 1 ? 4 : 0;
    o.salvage = (control[0] & SALVAGE) != 0;
    o.scale = control[0] & REDUCED ? 16u >> control[2] % 4 : 0;
    o.n_slices = control[0] & SOME_SLICES ? 1 + control[3] % 4 : 0;
    if (control[1] && !o.scale) { /* may reach one pixel outside, which is an error */
        o.crop_x = control[1] * info->width / 256;
        o.crop_y = control[2] * info->height / 256;
        o.crop_width = 1 + control[3] * (info->width - o.crop_x) / 255;
        o.crop_height = 1 + control[2] * (info->height - o.crop_y) / 255;
    }
    return o;
}

/* Decodes as a whole and, if the control bytes say so, by rows, which must agree. */
static void decode(const uint8_t *data, size_t bytes, const lic_info *info, fuzz_cost *cost)
{
    const lic_allocator allocator = {fuzz_alloc, fuzz_free, cost};
    lic_options options;
    lic_session *decoder = NULL;
    lic_error err = {0};
    lic_options_init(&options);
    options.threads = control[0] & TWO_THREADS ? 2 : 1;
    options.max_pixels = MAX_PIXELS;
    options.max_tile_pixels = MAX_TILE_PIXELS;
    options.max_work = MAX_WORK;
    options.allocator = &allocator;
    FUZZ_CHECK(lic_session_new(model, &options, &decoder, &err) == LIC_OK);
    const lic_decode_options o = wanted(info);
    const uint32_t depth = o.depth ? o.depth : info->depth;
    const uint32_t channels = o.channels ? o.channels : info->channels + (info->has_alpha != 0);
    lic_image image = {0};
    lic_status status = lic_session_decode(decoder, data, bytes, &o, &image, &err);
    fuzz_check_error(status, &err);
    FUZZ_CHECK((status == LIC_OK) == (image.data != NULL));
    FUZZ_CHECK(status != LIC_ERR_MEMORY && status != LIC_ERR_CANCELLED);
    const uint64_t sum = image.data ? sum_of(&image) : 0;
    if (control[0] & ROWS) {
        const uint32_t scale = o.scale ? o.scale : 1, whole = (info->width + scale - 1) / scale;
        const uint32_t width = o.crop_width ? o.crop_width : whole;
        struct rows rows = {.row_bytes = (size_t)width * channels * (depth / 8)};
        err = (lic_error){0};
        const lic_status other = decode_rows(decoder, data, bytes, &o, take_rows, &rows, &err);
        FUZZ_CHECK(other == status || other == LIC_ERR_CANCELLED || other == LIC_ERR_LIMIT ||
                   status == LIC_ERR_LIMIT);
        FUZZ_CHECK(other || status || (rows.next == image.height && rows.sum == sum));
    }
    lic_image_free(&image);
    lic_session_free(decoder);
}

/* Profile, EXIF, XMP and orientation. */
static void read_metadata(const lic_info *info, fuzz_cost *cost)
{
    const lic_allocator allocator = {fuzz_alloc, fuzz_free, cost};
    lic_options options;
    lic_metadata metadata;
    lic_error err = {0};
    lic_options_init(&options);
    options.allocator = &allocator;
    options.max_memory = FUZZ_MEMORY;
    const lic_status status = lic_metadata_read(info, &options, &metadata, &err);
    fuzz_check_error(status, &err);
    FUZZ_CHECK(status || (metadata.orientation >= 1 && metadata.orientation <= 8));
    lic_metadata_free(&metadata);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    fuzz_cost cost = fuzz_cost_begin();
    lic_info info;
    lic_error err = {0};
    if (!models[0])
        open_models();
    uint8_t *copy = fuzz_copy(data, bytes);
    repair(copy, bytes);
    const lic_status status = lic_probe(copy, bytes, &info, &err);
    if (status == LIC_OK || (control[0] & SALVAGE && info.width))
        decode(copy, bytes, &info, &cost);
    if (status == LIC_OK)
        read_metadata(&info, &cost);
    FUZZ_CHECK(cost.now == 0);
    fuzz_cost_check(&cost, bytes);
    free(copy);
    return 0;
}
