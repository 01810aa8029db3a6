/* test_hashes.c - files, latents and pixels of made-up pictures against a list (hashes.txt), on
 * every instruction set of this machine and with 1, 2 and 7 threads: the promise that the same
 * input gives the same bytes everywhere. Old files (v1-*.lic, v2-*.lic) must decode to what they always
 * decoded to.
 *
 * With LIC_WRITE_HASHES=FILE in the environment the list is written there instead of compared: only
 * for a change of the format, the weights or the arithmetic that is meant. */
#include "tests/golden/hash_list.h"
#include "tests/unit/codec_fixture.h"

#include <stdarg.h>

typedef struct line {
    unsigned width, height, channels, depth, tile;
    double quality;
    unsigned long bytes, file, latents, pixels;
} line;

enum { MAX_LINES = 100 };

/* ---- what is in the list --------------------------------------------------------------------- */

/* All pictures and qualities of the list; returns how many. */
static int all_cases(line *out)
{
    static const unsigned sizes[][2] = {{1, 1}, {17, 33}, {64, 64}, {100, 200}};
    static const unsigned kinds[][2] = {{3, 8}, {1, 8}, {3, 16}, {1, 16}};
    static const double qualities[] = {0, 33.3, 75, 100};
    int n = 0;
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < 4; k++)
            for (size_t q = k % 2; q < 4; q += 2)
                out[n++] = (line){.width = sizes[i][0],
                                  .height = sizes[i][1],
                                  .channels = kinds[k][0],
                                  .depth = kinds[k][1],
                                  .quality = qualities[q]};
    out[n++] =
        (line){.width = 150, .height = 140, .channels = 3, .depth = 8, .tile = 64, .quality = 60};
    out[n++] =
        (line){.width = 300, .height = 20, .channels = 1, .depth = 16, .tile = 128, .quality = 20};
    return n;
}

static void write_list(const char *path, const line *lines, int n)
{
    FILE *file = fopen(path, "w");
    if (!file)
        exit(2);
    fprintf(file, "# picture (tests/unit/codec_fixture.h): width height channels depth; tile side, "
                  "0: whole; quality;\n# bytes of the file, CRC-32 of the file, check of its "
                  "latents, CRC-32 of the decoded samples.\n");
    for (int i = 0; i < n; i++)
        fprintf(file, "%u %u %u %u %u %g %lu %08lx %08lx %08lx\n", lines[i].width, lines[i].height,
                lines[i].channels, lines[i].depth, lines[i].tile, lines[i].quality, lines[i].bytes,
                lines[i].file, lines[i].latents, lines[i].pixels);
    fclose(file);
}

static int parse(const char *text, void *line_out)
{
    line *l = line_out;
    return sscanf(text, "%u %u %u %u %u %lf %lu %lx %lx %lx", &l->width, &l->height, &l->channels,
                  &l->depth, &l->tile, &l->quality, &l->bytes, &l->file, &l->latents,
                  &l->pixels) == 10;
}

/* ---- a run ----------------------------------------------------------------------------------- */

static unsigned long hash_pixels(const lic_image *image)
{
    return lic_crc32(0, image->data, image_bytes(image));
}

/* Fills in what encoding and decoding give; 0 if either fails. */
static int run(line *l, lic_session *encoder, lic_session *decoder)
{
    lic_image in = make_picture(l->width, l->height, l->channels, l->depth), out = {0};
    lic_encode_options e = at_quality(l->quality);
    lic_buffer file = {0};
    lic_info info = {0};
    lic_error err = {0};
    e.tile_side = l->tile;
    int ok = !lic_session_encode(encoder, &in, &e, &file, &err) &&
             !lic_probe(file.data, file.bytes, &info, &err) &&
             !lic_session_decode(decoder, file.data, file.bytes, NULL, &out, &err);
    if (ok) {
        l->bytes = file.bytes;
        l->file = lic_crc32(0, file.data, file.bytes);
        l->latents = info.check_latents;
        l->pixels = hash_pixels(&out);
    } else {
        printf("%s\n", err.text);
    }
    lic_image_free(&out);
    lic_buffer_free(&file);
    free(in.data);
    return ok;
}

static void compare(const line *want, lic_session *encoder, lic_session *decoder, const char *where,
                    int threads)
{
    line got = *want;
    CHECK(run(&got, encoder, decoder));
    if (test_failed(got.bytes == want->bytes && got.file == want->file &&
                    got.latents == want->latents && got.pixels == want->pixels))
        printf(
            "%s, %d threads: %u x %u x %u x %u tile %u q %g: %lu %08lx %08lx %08lx, expected %lu "
            "%08lx %08lx %08lx\n",
            where, threads, got.width, got.height, got.channels, got.depth, got.tile, got.quality,
            got.bytes, got.file, got.latents, got.pixels, want->bytes, want->file, want->latents,
            want->pixels);
}

/* Emulators are slow: large pictures are left out there but for one, and one number of threads. */
#ifdef LIC_TEST_QUICK
enum { N_THREADS = 1 };
static const int thread_numbers[N_THREADS] = {2};
static int wanted(const line *l)
{
    return l->width <= 64 || l->width == 300 || (l->width == 100 && l->quality == 33.3);
}
#else
enum { N_THREADS = 3 };
static const int thread_numbers[N_THREADS] = {1, 2, 7};
static int wanted(const line *l)
{
    (void)l;
    return 1;
}
#endif

/* The list at one level with so many threads. */
static void compare_list(const line *lines, int n, lic_cpu cpu, int threads)
{
    lic_options options = with_threads(threads);
    lic_session *encoder = NULL;
    lic_session *decoder = NULL;
    lic_error err;
    options.cpu = cpu;
    CHECK_EQ_INT(lic_session_new(tiny_model(), &options, &encoder, &err), LIC_OK);
    CHECK_EQ_INT(lic_session_new(tiny_model(), &options, &decoder, &err), LIC_OK);
    for (int i = 0; encoder && decoder && i < n; i++)
        if (wanted(&lines[i]))
            compare(&lines[i], encoder, decoder, lic_cpu_name(cpu), threads);
    lic_session_free(encoder);
    lic_session_free(decoder);
}

TEST(hashes_on_every_level_and_number_of_threads)
{
    static line lines[MAX_LINES];
    const char *write_to = getenv("LIC_WRITE_HASHES");
    if (write_to) {
        const int n = all_cases(lines);
        lic_session *encoder = NULL;
        lic_session *decoder = NULL;
        REQUIRE(!lic_session_new(tiny_model(), NULL, &encoder, NULL));
        REQUIRE(!lic_session_new(tiny_model(), NULL, &decoder, NULL));
        for (int i = 0; i < n; i++)
            REQUIRE(run(&lines[i], encoder, decoder));
        write_list(write_to, lines, n);
        lic_session_free(encoder);
        lic_session_free(decoder);
        return;
    }
    static line cases[MAX_LINES];
    const int n = read_list("hashes.txt", lines, sizeof *lines, MAX_LINES, parse);
    CHECK_EQ_INT(n, all_cases(cases));
    for (lic_cpu cpu = LIC_CPU_SCALAR; cpu <= LIC_CPU_LAST; cpu++)
        for (int t = 0; lic_cpu_supported(cpu) && t < N_THREADS; t++)
            compare_list(lines, n, cpu, thread_numbers[t]);
}

/* ---- old files ------------------------------------------------------------------------------- */

typedef struct old_file {
    const char *name;
    unsigned width, height, channels, depth;
    unsigned long latents, pixels;
} old_file;

/* Written once by the version that the name says; never to be written again. */
static const old_file old_files[] = {
#include "tests/golden/old_files.h"
};

/* A file of an earlier version decodes to the same pixels. */
static void check_old(const old_file *f)
{
    uint8_t data[8192];
    lic_image out = {0};
    lic_info info = {0};
    lic_error err = {0};
    FILE *file = fopen(beside(f->name), "rb");
    const size_t bytes = file ? fread(data, 1, sizeof data, file) : 0;
    if (file)
        fclose(file);
    CHECK_EQ_INT(lic_probe(data, bytes, &info, &err), LIC_OK);
    CHECK(info.width == f->width && info.height == f->height);
    CHECK(info.channels == f->channels && info.depth == f->depth);
    CHECK_EQ_INT(info.check_latents, f->latents);
    CHECK_EQ_INT(lic_decode(tiny_model(), data, bytes, NULL, NULL, &out, &err), LIC_OK);
    if (out.data)
        CHECK_EQ_INT(hash_pixels(&out), f->pixels);
    if (err.status)
        printf("%s: %s\n", f->name, err.text);
    lic_image_free(&out);
}

TEST(old_files_decode_as_ever)
{
    for (size_t i = 0; i < sizeof old_files / sizeof old_files[0]; i++)
        check_old(&old_files[i]);
}
