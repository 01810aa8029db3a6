/* fuzz_lossless.c - the lossless decoder with bytes of the fuzzer's choice, whole and cut. It must
 * end, stay inside of its memory, and what it gives must come back from the encoder to the bit.
 *
 * Input: width - 1, height - 1, channels and depth, then the code. */
#include "entropy/lossless.h"
#include "tests/fuzz/fuzz.h"

enum { MAX_SIDE = 48 };

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

/* What was decoded can be encoded, and comes back. */
static void check_again(const lic_raster *r, size_t bytes)
{
    lic_range_encoder enc;
    lic_range_encoder_init(&enc, grow, NULL);
    lic_lossless_encode(&coder, &enc, r);
    FUZZ_CHECK(lic_range_finish(&enc));
    lic_raster back = *r;
    back.data = malloc(bytes);
    lic_range_decoder dec;
    lic_range_decoder_init(&dec, enc.data, enc.bytes);
    FUZZ_CHECK(lic_lossless_decode(&coder, &dec, &back) == r->height);
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
