/* test_integers.c - pictures coded with a network whose layers are in integers: the same file and
 * the same pixels from every instruction set and any number of threads, and the same as when this
 * test was written. Tiles make the sides of tensors open. */
#include "tests/golden/golden.h"

#include "codec/base/bytes.h"

enum { MAX_SIDE = 150 };

typedef struct sample {
    uint32_t width, height, tile;
    double quality;
    uint32_t file, pixels; /* CRC-32 */
} sample;

static const sample samples[] = {{75, 40, 0, 60, 0x79E85EE6u, 0x6BBE35FDu},
                                 {1, 1, 0, 20, 0x9C8A7B26u, 0xAB073870u},
                                 {150, 130, 64, 85, 0x09D558BEu, 0xF799E1E6u},
                                 {70, 140, 0, 5, 0x5688AD71u, 0xEDF044C1u}};
/* Emulators are slow, most of all where the fma is done in software: there one number of threads,
 * and the last picture is left out. */
#ifdef LIC_TEST_QUICK
enum { N_SAMPLES = 3 };
static const int threads[] = {2};
#else
enum { N_SAMPLES = sizeof samples / sizeof samples[0] };
static const int threads[] = {1, 2, 7};
#endif

static lic_image picture_of(const sample *s, uint8_t *pixels)
{
    for (uint32_t i = 0; i < s->width * s->height; i++) {
        const uint32_t x = i % s->width, y = i / s->width;
        pixels[3 * i] = (uint8_t)(x * 3 + y);
        pixels[3 * i + 1] = (uint8_t)(x * y / 7);
        pixels[3 * i + 2] = (uint8_t)(x > y ? 200 - y : 40 + (x * 31 + y * 17) % 50);
    }
    return (lic_image){.data = pixels,
                       .stride_bytes = 3 * (size_t)s->width,
                       .width = s->width,
                       .height = s->height,
                       .channels = 3,
                       .depth = 8};
}

static void compare(const char *what, const sample *s, const lic_options *o, uint32_t got,
                    uint32_t want)
{
    if (test_failed(got == want))
        printf("%s of %u x %u on %s with %d threads: 0x%08X, expected 0x%08X\n", what, s->width,
               s->height, lic_cpu_name(o->cpu), o->threads, got, want);
}

static void code(const lic_model *model, const sample *s, const lic_options *o)
{
    static uint8_t pixels[MAX_SIDE * MAX_SIDE * 3];
    const lic_image image = picture_of(s, pixels);
    lic_encode_options options;
    lic_buffer file;
    lic_image out;
    lic_error err = {0};
    lic_encode_options_init(&options);
    options.quality = s->quality;
    options.tile_side = s->tile;
    REQUIRE(lic_encode(model, &image, o, &options, &file, &err) == LIC_OK);
    REQUIRE(lic_decode(model, file.data, file.bytes, o, NULL, &out, &err) == LIC_OK);
    compare("file", s, o, lic_crc32(0, file.data, file.bytes), s->file);
    compare("pixels", s, o, lic_crc32(0, out.data, out.stride_bytes * out.height), s->pixels);
    lic_buffer_free(&file);
    lic_image_free(&out);
}

TEST(integers_on_every_level_and_number_of_threads)
{
    lic_model *model = NULL;
    lic_error err = {0};
    lic_options o;
    REQUIRE(lic_model_open(golden_path("integers.licw"), NULL, &model, &err) == LIC_OK);
    lic_options_init(&o);
    for (o.cpu = LIC_CPU_SCALAR; o.cpu <= LIC_CPU_LAST; o.cpu++)
        for (size_t t = 0; t < sizeof threads / sizeof threads[0]; t++)
            for (int i = 0; i < N_SAMPLES && lic_cpu_supported(o.cpu); i++) {
                o.threads = threads[t];
                code(model, &samples[i], &o);
            }
    lic_model_close(model);
}

/* OpenBLAS computes no layer in integers: the file is the same but for the layers that are floats,
 * and decodes to the same size. */
TEST(integers_with_openblas)
{
    static uint8_t pixels[MAX_SIDE * MAX_SIDE * 3];
    const lic_image image = picture_of(&samples[0], pixels);
    lic_model *model = NULL;
    lic_buffer file;
    lic_image out;
    lic_error err = {0};
    lic_options o;
    lic_model_options m;
    lic_options_init(&o);
    lic_model_options_init(&m);
    o.backend = m.backend = LIC_BACKEND_OPENBLAS;
    if (!lic_backend_supported(o.backend))
        return;
    REQUIRE(lic_model_open(golden_path("integers.licw"), &m, &model, &err) == LIC_OK);
    REQUIRE(lic_encode(model, &image, &o, NULL, &file, &err) == LIC_OK);
    REQUIRE(lic_decode(model, file.data, file.bytes, &o, NULL, &out, &err) == LIC_OK);
    CHECK(out.width == image.width && out.height == image.height);
    lic_buffer_free(&file);
    lic_image_free(&out);
    lic_model_close(model);
}
