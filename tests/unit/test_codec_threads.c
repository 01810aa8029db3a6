/* test_codec_threads.c - the same bytes and pixels from any number of threads, with one model
 * shared by sessions in several threads, and whatever the caller's floating-point mode. Run under a
 * thread sanitizer too. */
#include "tests/unit/codec_fixture.h"

#include <fenv.h>
#include <pthread.h>

/* Emulators are slow, most of all where the fma is done in software: they get smaller pictures,
 * fewer callers and fewer qualities. Rows of over 64 pixels are still cut between workers. */
#ifdef LIC_TEST_QUICK
enum { WIDTH = 70, HEIGHT = 40, CALLERS = 3, TURNS = 3, CALLER_HEIGHT = 20 };
static const double qualities[] = {14.5 / 655.35};
#else
enum { WIDTH = 200, HEIGHT = 90, CALLERS = 8, TURNS = 6, CALLER_HEIGHT = 70 };
static const double qualities[] = {30, 64.123, 5.5 / 655.35, 14.5 / 655.35};
#endif

/* ---- numbers of threads ---------------------------------------------------------------------- */

TEST(codec_any_number_of_threads)
{
    static const int numbers[] = {2, 3, 7};
    lic_image p = make_picture(WIDTH, HEIGHT, 3, 8), picture, again;
    lic_options options = with_threads(1);
    lic_error err;
    lic_buffer want = encode_tiny(tiny_model(), &p, &options, 50);
    REQUIRE(lic_decode(tiny_model(), want.data, want.bytes, &options, NULL, &picture, &err) ==
            LIC_OK);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        options = with_threads(numbers[i]);
        lic_buffer got = encode_tiny(tiny_model(), &p, &options, 50);
        check_same_bytes(&got, &want);
        REQUIRE(lic_decode(tiny_model(), want.data, want.bytes, &options, NULL, &again, &err) ==
                LIC_OK);
        check_same_pixels(&again, &picture);
        lic_image_free(&again);
        lic_buffer_free(&got);
    }
    lic_image_free(&picture);
    lic_buffer_free(&want);
    free(p.data);
}

/* A model loads to the same numbers on any number of threads: the hash of a file depends on them
 * all. */
TEST(codec_models_loaded_by_many_threads)
{
    lic_image p = make_picture(70, HEIGHT, 3, 8);
    lic_buffer want = encode_tiny(tiny_model(), &p, NULL, 80);
    for (int threads = 2; threads <= 7; threads += 5) {
        const char *here = __FILE__;
        char path[512];
        lic_model *model = NULL;
        lic_model_options options;
        lic_error err;
        snprintf(path, sizeof path, "%.*s/../golden/tiny.licw", (int)(strrchr(here, '/') - here),
                 here);
        lic_model_options_init(&options);
        options.threads = threads;
        REQUIRE(lic_model_open(path, &options, &model, &err) == LIC_OK);
        lic_buffer got = encode_tiny(model, &p, NULL, 80);
        check_same_bytes(&got, &want);
        lic_buffer_free(&got);
        lic_model_close(model);
    }
    lic_buffer_free(&want);
    free(p.data);
}

/* ---- one model, many contexts ---------------------------------------------------------------- */

/* What a caller codes, and what it must get: made before the callers start. */
typedef struct caller {
    pthread_t thread;
    int index, failed;
    lic_image picture, decoded, preview;
    lic_buffer file;
} caller;

static lic_decode_options preview_of(int index)
{
    lic_decode_options o;
    lic_decode_options_init(&o);
    o.scale = 16u >> index % 4;
    o.n_slices = (uint32_t)(index % 3 + 1);
    return o;
}

static lic_encode_options tiled(int index)
{
    lic_encode_options e = at_quality(10 + 10 * index);
    e.tile_side = index % 2 ? 64 : 0;
    return e;
}

static int same(const lic_image *a, const lic_image *b)
{
    return image_bytes(a) == image_bytes(b) && !memcmp(a->data, b->data, image_bytes(a));
}

static int encodes(const caller *c, lic_session *encoder)
{
    const lic_encode_options e = tiled(c->index);
    lic_buffer file = {0};
    const int good = !lic_session_encode(encoder, &c->picture, &e, &file, NULL) &&
                     file.bytes == c->file.bytes && !memcmp(file.data, c->file.data, file.bytes);
    lic_buffer_free(&file);
    return good;
}

static int decodes(const caller *c, lic_session *decoder, int reduced)
{
    const lic_decode_options o = preview_of(c->index);
    lic_image out = {0};
    const int good = !lic_session_decode(decoder, c->file.data, c->file.bytes, reduced ? &o : NULL,
                                         &out, NULL) &&
                     same(&out, reduced ? &c->preview : &c->decoded);
    lic_image_free(&out);
    return good;
}

/* Encodes and decodes in turn with contexts of its own; CHECK is not for several threads. */
static void *call(void *argument)
{
    caller *c = argument;
    const lic_options options = with_threads(c->index % 3 + 1);
    lic_session *encoder = NULL;
    lic_session *decoder = NULL;
    c->failed = lic_session_new(shared_model, &options, &encoder, NULL) ||
                lic_session_new(shared_model, &options, &decoder, NULL);
    for (int i = c->index; i < c->index + TURNS && !c->failed; i++)
        c->failed = i % 3 == 0 ? !encodes(c, encoder) : !decodes(c, decoder, i % 3 == 1);
    lic_session_free(encoder);
    lic_session_free(decoder);
    return NULL;
}

static void prepare(caller *c, int index)
{
    const lic_encode_options e = tiled(index);
    const lic_decode_options o = preview_of(index);
    lic_session *decoder;
    *c = (caller){.index = index,
                  .picture = make_picture((uint32_t)(30 + 19 * index), CALLER_HEIGHT, 3, 8)};
    REQUIRE(!lic_encode(tiny_model(), &c->picture, NULL, &e, &c->file, NULL));
    REQUIRE(!lic_session_new(tiny_model(), NULL, &decoder, NULL));
    const lic_buffer *f = &c->file;
    REQUIRE(!lic_session_decode(decoder, f->data, f->bytes, NULL, &c->decoded, NULL));
    REQUIRE(!lic_session_decode(decoder, f->data, f->bytes, &o, &c->preview, NULL));
    lic_session_free(decoder);
}

/* Callers encode, decode and make previews at once with one model. */
TEST(codec_one_model_in_many_threads)
{
    caller callers[CALLERS];
    for (int i = 0; i < CALLERS; i++)
        prepare(&callers[i], i);
    for (int i = 0; i < CALLERS; i++)
        REQUIRE(pthread_create(&callers[i].thread, NULL, call, &callers[i]) == 0);
    for (int i = 0; i < CALLERS; i++) {
        caller *c = &callers[i];
        pthread_join(c->thread, NULL);
        CHECK(!c->failed);
        lic_image_free(&c->decoded);
        lic_image_free(&c->preview);
        lic_buffer_free(&c->file);
        free(c->picture.data);
    }
}

/* ---- the caller's floating-point mode -------------------------------------------------------- */

static void flush_to_zero(void)
{
#if defined(__x86_64__)
    __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040);
#elif defined(__aarch64__)
    uint64_t word;
    __asm__ volatile("mrs %0, fpcr" : "=r"(word));
    word |= (uint64_t)1 << 24;
    __asm__ volatile("msr fpcr, %0" : : "r"(word));
#endif
}

static int still_flushing(void)
{
    volatile float least = 1.17549435e-38f, half = 0.5f;
    return least * half == 0.0f;
}

/* The same bytes and pixels in every mode, also at qualities half way between two codes, and
 * the mode is the caller's again afterwards. */
TEST(codec_callers_floating_point_mode)
{
    static const int rounding[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    lic_image p = make_picture(70, 20, 3, 16);
    fenv_t before;
    fegetenv(&before);
    for (size_t q = 0; q < sizeof qualities / sizeof qualities[0]; q++) {
        lic_buffer want = encode_tiny(tiny_model(), &p, NULL, qualities[q]);
        lic_image picture = {0}, again = {0};
        lic_error err;
        CHECK(lic_decode(tiny_model(), want.data, want.bytes, NULL, NULL, &picture, &err) ==
              LIC_OK);
        for (int mode = 0; mode < 8; mode++) {
            fesetround(rounding[mode % 4]);
            if (mode >= 4)
                flush_to_zero();
            const int flushed = still_flushing();
            lic_model *own = tiny();
            lic_buffer got = encode_tiny(own, &p, NULL, qualities[q]);
            const lic_status status =
                lic_decode(own, got.data, got.bytes, NULL, NULL, &again, &err);
            CHECK_EQ_INT(fegetround(), rounding[mode % 4]);
            CHECK_EQ_INT(still_flushing(), flushed);
            fesetenv(&before);
            CHECK_EQ_INT(status, LIC_OK);
            check_same_bytes(&got, &want);
            check_same_pixels(&again, &picture);
            lic_image_free(&again);
            lic_buffer_free(&got);
            lic_model_close(own);
        }
        lic_image_free(&picture);
        lic_buffer_free(&want);
    }
    free(p.data);
}
