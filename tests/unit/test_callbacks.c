/* test_callbacks.c - the caller's code may do what it likes to the floating-point environment.
 * Source, sink, progress and allocator each set another rounding and flush to zero in every call.
 * Streams and pixels stay the same, and each callback finds the caller's environment again. */
#include "tests/unit/codec_fixture.h"

#include <stdbool.h>

#include <fenv.h>

#if defined(__x86_64__)
#include <xmmintrin.h>
static void flush_to_zero(void)
{
    _mm_setcsr(_mm_getcsr() | 0x8040);
}
#else
static void flush_to_zero(void)
{
}
#endif

struct caller {
    const lic_image *picture; /* source */
    uint8_t *pixels;          /* sink */
    int calls;
    int strangers; /* calls that did not find what the last one left */
    int left;      /* that; -1: nothing yet */
};

/* Another rounding with each call. */
static void spoil(struct caller *c)
{
    static const int modes[] = {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    if (c->left >= 0 && fegetround() != c->left)
        c->strangers++;
    c->left = modes[c->calls++ % 3];
    fesetround(c->left);
    flush_to_zero();
}

static int source(void *user, uint32_t first, uint32_t n, void *rows, size_t stride)
{
    struct caller *c = user;
    memcpy(rows, (const uint8_t *)c->picture->data + first * c->picture->stride_bytes, n * stride);
    spoil(c);
    return 0;
}

static int sink(void *user, uint32_t first, uint32_t n, void *rows, size_t stride)
{
    struct caller *c = user;
    memcpy(c->pixels + first * stride, rows, n * stride);
    spoil(c);
    return 0;
}

static int progress(void *user, lic_stage stage, double fraction)
{
    (void)stage;
    (void)fraction;
    spoil(user);
    return 0;
}

static void *spoiling_alloc(void *user, size_t bytes)
{
    struct caller *c = user;
    c->left = -1;
    spoil(c);
    return malloc(bytes);
}

static void spoiling_free(void *user, void *pointer)
{
    struct caller *c = user;
    c->left = -1;
    spoil(c);
    free(pointer);
}

static void there_and_back(const lic_image *p, lic_options *options, struct caller *c,
                           const lic_buffer *want, const lic_image *want_pixels, bool by_rows)
{
    lic_session *session = NULL;
    lic_encode_options e = at_quality(60);
    lic_buffer file = {0};
    lic_image out = {0};
    fenv_t before;
    e.tile_side = 64;
    fegetenv(&before);
    CHECK_EQ_INT(lic_session_new(tiny_model(), options, &session, NULL), LIC_OK);
    if (by_rows)
        CHECK_EQ_INT(encode_rows(session, p, source, c, &e, &file, NULL), LIC_OK);
    else
        CHECK_EQ_INT(lic_session_encode(session, p, &e, &file, NULL), LIC_OK);
    check_same_bytes(&file, want);
    if (by_rows) {
        CHECK_EQ_INT(decode_rows(session, want->data, want->bytes, NULL, sink, c, NULL), LIC_OK);
        CHECK_EQ_MEM(c->pixels, want_pixels->data, image_bytes(want_pixels));
    } else {
        CHECK_EQ_INT(lic_session_decode(session, want->data, want->bytes, NULL, &out, NULL),
                     LIC_OK);
        check_same_pixels(&out, want_pixels);
        lic_image_free(&out);
    }
    lic_buffer_free(&file);
    lic_session_free(session);
    fesetenv(&before);
    CHECK(c->calls > 3);
    CHECK_EQ_INT(c->strangers, 0);
}

TEST(callbacks_may_round_as_they_like)
{
    lic_image p = make_picture(150, 200, 3, 16), want_pixels = {0};
    lic_options plain = with_threads(2);
    lic_encode_options e = at_quality(60);
    lic_buffer want = {0};
    e.tile_side = 64;
    CHECK_EQ_INT(lic_encode(tiny_model(), &p, &plain, &e, &want, NULL), LIC_OK);
    CHECK_EQ_INT(lic_decode(tiny_model(), want.data, want.bytes, &plain, NULL, &want_pixels, NULL),
                 LIC_OK);
    struct caller c = {.picture = &p, .pixels = malloc(image_bytes(&p)), .left = -1};
    there_and_back(&p, &plain, &c, &want, &want_pixels, true);

    lic_options telling = plain;
    c.calls = 0;
    c.left = -1;
    telling.progress = progress;
    telling.progress_user = &c;
    there_and_back(&p, &telling, &c, &want, &want_pixels, false);

    const lic_allocator allocator = {spoiling_alloc, spoiling_free, &c};
    lic_options allocating = plain;
    c.calls = 0;
    c.left = -1;
    allocating.allocator = &allocator;
    there_and_back(&p, &allocating, &c, &want, &want_pixels, false);
    free(c.pixels);
    lic_image_free(&want_pixels);
    lic_buffer_free(&want);
    free(p.data);
}
