/* test_codec_threads.c - the same bytes and pixels from any number of threads, with one model
 * shared by contexts in several threads, and in whatever floating-point mode the caller is. Run
 * under a thread sanitizer too. */
#include "tests/unit/codec_fixture.h"

#include <fenv.h>
#include <pthread.h>

/* ---- numbers of threads ---------------------------------------------------------------------- */

TEST(codec_any_number_of_threads)
{
    static const int numbers[] = {2, 3, 7};
    lic_image p = make_picture(200, 90, 3, 8), picture, again;
    lic_options options = with_threads(1);
    lic_error err;
    lic_buffer want = encode_tiny(tiny_model(), &p, &options, 50);
    REQUIRE(lic_decode(tiny_model(), want.data, want.bytes, &options, 0, &picture, &err) == LIC_OK);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        options = with_threads(numbers[i]);
        lic_buffer got = encode_tiny(tiny_model(), &p, &options, 50);
        check_same_bytes(&got, &want);
        REQUIRE(lic_decode(tiny_model(), want.data, want.bytes, &options, 0, &again, &err) ==
                LIC_OK);
        check_same_pixels(&again, &picture);
        lic_image_free(&again, NULL);
        lic_buffer_free(&got);
    }
    lic_image_free(&picture, NULL);
    lic_buffer_free(&want);
    free(p.data);
}

/* A model loads to the same numbers on any number of threads: the hash of a file depends on them
 * all. */
TEST(codec_models_loaded_by_many_threads)
{
    lic_image p = make_picture(70, 70, 3, 8);
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

enum { CALLERS = 4 };

typedef struct caller {
    pthread_t thread;
    uint32_t side;
    int failed;
} caller;

/* Encodes and decodes a few times with contexts of its own; CHECK is not for several threads. */
static void *call(void *argument)
{
    caller *c = argument;
    lic_image p = make_picture(c->side, 40, 3, 8), out;
    const lic_options options = with_threads((int)(c->side % 3) + 1);
    lic_encoder *encoder = NULL;
    lic_decoder *decoder = NULL;
    lic_buffer first = {0}, file;
    c->failed = lic_encoder_new(shared_model, &options, &encoder, NULL) != LIC_OK ||
                lic_decoder_new(shared_model, &options, &decoder, NULL) != LIC_OK;
    for (int i = 0; i < 3 && !c->failed; i++) {
        c->failed = lic_encoder_encode(encoder, &p, NULL, &file, NULL) != LIC_OK;
        if (c->failed)
            break;
        if (i == 0)
            first = file;
        c->failed = file.bytes != first.bytes || memcmp(file.data, first.data, first.bytes) ||
                    lic_decoder_decode(decoder, file.data, file.bytes, 0, &out, NULL) != LIC_OK;
        lic_image_free(&out, NULL);
        if (i > 0)
            lic_buffer_free(&file);
    }
    lic_buffer_free(&first);
    lic_encoder_free(encoder);
    lic_decoder_free(decoder);
    free(p.data);
    return NULL;
}

TEST(codec_one_model_in_several_threads)
{
    caller callers[CALLERS];
    (void)tiny_model();
    for (uint32_t i = 0; i < CALLERS; i++) {
        callers[i] = (caller){.side = 30 + 37 * i};
        REQUIRE(pthread_create(&callers[i].thread, NULL, call, &callers[i]) == 0);
    }
    for (int i = 0; i < CALLERS; i++) {
        pthread_join(callers[i].thread, NULL);
        CHECK(!callers[i].failed);
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
#ifdef LIC_TEST_QUICK /* emulators are slow */
    static const double qualities[] = {14.5 / 655.35};
#else
    static const double qualities[] = {30, 64.123, 5.5 / 655.35, 14.5 / 655.35};
#endif
    lic_image p = make_picture(70, 20, 3, 16);
    fenv_t before;
    fegetenv(&before);
    for (size_t q = 0; q < sizeof qualities / sizeof qualities[0]; q++) {
        lic_buffer want = encode_tiny(tiny_model(), &p, NULL, qualities[q]);
        lic_image picture = {0}, again = {0};
        lic_error err;
        CHECK(lic_decode(tiny_model(), want.data, want.bytes, NULL, 0, &picture, &err) == LIC_OK);
        for (int mode = 0; mode < 8; mode++) {
            fesetround(rounding[mode % 4]);
            if (mode >= 4)
                flush_to_zero();
            const int flushed = still_flushing();
            lic_model *own = tiny();
            lic_buffer got = encode_tiny(own, &p, NULL, qualities[q]);
            const lic_status status = lic_decode(own, got.data, got.bytes, NULL, 0, &again, &err);
            CHECK_EQ_INT(fegetround(), rounding[mode % 4]);
            CHECK_EQ_INT(still_flushing(), flushed);
            fesetenv(&before);
            CHECK_EQ_INT(status, LIC_OK);
            check_same_bytes(&got, &want);
            check_same_pixels(&again, &picture);
            lic_image_free(&again, NULL);
            lic_buffer_free(&got);
            lic_model_close(own);
        }
        lic_image_free(&picture, NULL);
        lic_buffer_free(&want);
    }
    free(p.data);
}
