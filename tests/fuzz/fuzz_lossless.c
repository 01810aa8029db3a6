/* fuzz_lossless.c - the lossless decoder with bytes of the fuzzer's choice, whole and cut. It must
 * end, stay inside of its memory, and what it gives must come back from the encoder to the bit.
 *
 * Input: width - 1, height - 1, channels, depth and whether there is a mask, then the code. */
#include "entropy/lossless.h"
#include "tests/fuzz/fuzz.h"

enum { MAX_SIDE = 48, MAX_BLOCKS = 9 };

static lic_lossless coder;

static void *grow(void *user, void *old, size_t old_bytes, size_t new_bytes)
{
    (void)user;
    (void)old_bytes;
    return realloc(old, new_bytes);
}

static void start(lic_arena *arena, const lic_raster *r)
{
    lic_arena plan;
    lic_arena_plan(&plan);
    lic_lossless_take(&coder, &plan, r->width, r->height, r->channels, r->depth);
    FUZZ_CHECK(lic_arena_reserve(arena, plan.peak, NULL));
    lic_lossless_take(&coder, arena, r->width, r->height, r->channels, r->depth);
    FUZZ_CHECK(!arena->failed);
}

static lic_mask mask_of(const lic_raster *r, uint8_t *shown)
{
    return (lic_mask){shown, lic_mask_blocks(r->width), lic_mask_blocks(r->height)};
}

/* Makes 0 of what a mask hides. */
static void clear_hidden(const lic_raster *r, const lic_mask *mask)
{
    const size_t pixel = r->channels * (r->depth / 8);
    for (uint32_t y = 0; y < r->height; y++)
        for (uint32_t x = 0; x < r->width; x++)
            if (!lic_mask_shows(mask, x, y))
                memset((uint8_t *)r->data + y * r->stride_bytes + x * pixel, 0, pixel);
}

/* What was decoded can be encoded, and comes back. */
static void check_again(const lic_raster *r, size_t bytes)
{
    uint8_t shown[MAX_BLOCKS];
    lic_mask mask = mask_of(r, shown);
    lic_range_encoder enc;
    lic_range_encoder_init(&enc, grow, NULL);
    lic_lossless_encode(&coder, &enc, r);
    FUZZ_CHECK(lic_range_finish(&enc));
    lic_raster back = *r;
    back.data = malloc(bytes);
    lic_range_decoder dec;
    lic_range_decoder_init(&dec, enc.data, enc.bytes);
    if (coder.mask) {
        clear_hidden(r, coder.mask);
        coder.mask = &mask;
    }
    FUZZ_CHECK(lic_lossless_decode(&coder, &dec, &back) == r->height);
    if (coder.mask)
        clear_hidden(&back, coder.mask);
    FUZZ_CHECK(lic_range_decoder_ok(&dec) && !memcmp(back.data, r->data, bytes));
    free(back.data);
    free(enc.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    lic_reader r = {data, data + bytes, false};
    lic_raster to = {.width = 1 + lic_read_u8(&r) % MAX_SIDE,
                     .height = 1 + lic_read_u8(&r) % MAX_SIDE};
    const uint8_t kind = lic_read_u8(&r);
    to.channels = 1 + kind % 4;
    to.depth = kind & 4 ? 16 : 8;
    to.stride_bytes = (size_t)to.width * to.channels * (to.depth / 8);
    const size_t size = to.stride_bytes * to.height, code_bytes = (size_t)(r.end - r.at);
    uint8_t *code = fuzz_copy(r.at, code_bytes);
    to.data = calloc(size, 1);
    lic_arena arena = {0};
    start(&arena, &to);
    uint8_t shown[MAX_BLOCKS];
    lic_mask mask = mask_of(&to, shown);
    coder.mask = kind & 32 ? &mask : NULL;
    lic_range_decoder dec;
    lic_range_decoder_init(&dec, code, code_bytes);
    if (kind & 8)
        lic_range_decoder_salvage(&dec);
    const uint32_t rows = lic_lossless_decode(&coder, &dec, &to);
    FUZZ_CHECK(rows == to.height || dec.stopped);
    if (!(kind & 16)) /* which takes ten times as long */
        check_again(&to, size);
    lic_arena_release(&arena);
    free(to.data);
    free(code);
    return 0;
}
