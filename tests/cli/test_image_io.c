/* test_image_io.c - the picture readers and writers of the command line program, sample by sample:
 * what lic eval cannot see (16 bits, metadata, alpha, limits). */
#include "cli/base/report.h"
#include "cli/picture/format.h"
#include "tests/cli/png_fixture.h"
#include "tests/test.h"

#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

static const lic_read_options defaults = {.max_pixels = 1 << 20, .metadata = LIC_META_ALL};

/* A picture of random samples. */
static lic_picture random_picture(uint32_t width, uint32_t height, uint32_t channels,
                                  uint32_t depth)
{
    lic_picture p = {0};
    lic_error err;
    if (lic_picture_alloc(&p, width, height, channels, depth, &defaults, &err) != LIC_OK)
        exit(1);
    for (size_t i = 0; i < p.image.stride_bytes * height; i++)
        ((uint8_t *)p.image.data)[i] = (uint8_t)test_random();
    return p;
}

/* Writes to a file without a name and reads it back. */
static lic_status round_trip(lic_picture *from, lic_picture_format format,
                             const lic_read_options *options, lic_picture *to, lic_error *err)
{
    static uint8_t data[1 << 20];
    FILE *file = tmpfile();
    lic_status status = lic_picture_write(file, format, from, err);
    rewind(file);
    size_t bytes = fread(data, 1, sizeof data, file);
    fclose(file);
    *to = (lic_picture){0};
    return status != LIC_OK ? status : lic_picture_read(data, bytes, options, to, err);
}

/* Every sample comes back from a file of this format. */
static void check_lossless(lic_picture_format format, uint32_t channels, uint32_t depth)
{
    lic_error err = {0};
    lic_picture a = random_picture(13, 7, channels, depth), b;
    CHECK_EQ_INT(round_trip(&a, format, &defaults, &b, &err), LIC_OK);
    CHECK_EQ_STR(err.text, "");
    CHECK_EQ_INT(b.image.width, 13);
    CHECK_EQ_INT(b.image.height, 7);
    CHECK_EQ_INT(b.image.channels, channels);
    CHECK_EQ_INT(b.image.depth, depth);
    if (b.image.data)
        CHECK_EQ_MEM(b.image.data, a.image.data, a.image.stride_bytes * 7);
    CHECK_EQ_STR(b.warning, "");
    lic_picture_free(&a);
    lic_picture_free(&b);
}

TEST(png_and_ppm_keep_every_sample)
{
    for (uint32_t channels = 1; channels <= 3; channels += 2)
        for (uint32_t depth = 8; depth <= 16; depth += 8) {
            check_lossless(LIC_FORMAT_PNG, channels, depth);
            check_lossless(LIC_FORMAT_PPM, channels, depth);
        }
}

TEST(jpeg_keeps_size_and_refuses_16_bits)
{
    lic_error err = {0};
    lic_picture a = random_picture(9, 5, 1, 8), b, c = random_picture(9, 5, 3, 16);
    CHECK_EQ_INT(round_trip(&a, LIC_FORMAT_JPEG, &defaults, &b, &err), LIC_OK);
    CHECK_EQ_INT(b.image.channels, 1);
    CHECK_EQ_INT(b.image.width, 9);
    lic_picture_free(&b);
    CHECK_EQ_INT(round_trip(&c, LIC_FORMAT_JPEG, &defaults, &b, &err), LIC_ERR_UNSUPPORTED);
    lic_picture_free(&a);
    lic_picture_free(&b);
    lic_picture_free(&c);
}

/* ---- metadata ---- */

/* The least that libpng takes for an RGB profile: head, empty tag table. */
static void make_profile(uint8_t *profile, size_t bytes)
{
    memset(profile, 0, bytes);
    for (size_t i = 132; i < bytes;
         i++) /* libpng takes what compresses to very little for damaged */
        profile[i] = (uint8_t)test_random();
    profile[2] = (uint8_t)(bytes >> 8);
    profile[3] = (uint8_t)bytes;
    profile[8] = 2;
    memcpy(profile + 12, "mntrRGB XYZ ", 12);
    memcpy(profile + 36, "acsp", 4);
    const uint8_t d50[12] = {0, 0, 0xF6, 0xD6, 0, 1, 0, 0, 0, 0, 0xD3, 0x2D};
    memcpy(profile + 68, d50, sizeof d50);
}

static void add_all_metadata(lic_picture *p, size_t exif_bytes)
{
    static uint8_t profile[500], exif[70000] = "II*\0\10\0\0";
    static const char xmp[] = "<x:xmpmeta xmlns:x='adobe:ns:meta/'/>";
    lic_error err;
    make_profile(profile, sizeof profile);
    CHECK_EQ_INT(lic_picture_add_meta(p, LIC_META_ICCP, profile, sizeof profile, &defaults, &err),
                 LIC_OK);
    CHECK_EQ_INT(lic_picture_add_meta(p, LIC_META_EXIF, exif, exif_bytes, &defaults, &err), LIC_OK);
    CHECK_EQ_INT(lic_picture_add_meta(p, LIC_META_XMP, xmp, sizeof xmp - 1, &defaults, &err),
                 LIC_OK);
}

/* All kinds of metadata come back, without a warning. */
static void check_metadata(lic_picture_format format)
{
    lic_error err = {0};
    lic_picture a = random_picture(8, 8, 3, 8), b;
    add_all_metadata(&a, 64);
    CHECK_EQ_INT(round_trip(&a, format, &defaults, &b, &err), LIC_OK);
    CHECK_EQ_STR(a.warning, "");
    CHECK_EQ_STR(b.warning, "");
    for (int i = 0; i < LIC_N_META; i++) {
        CHECK_EQ_INT(b.meta[i].bytes, a.meta[i].bytes);
        if (b.meta[i].bytes == a.meta[i].bytes)
            CHECK_EQ_MEM(b.meta[i].data, a.meta[i].data, a.meta[i].bytes);
    }
    lic_picture_free(&a);
    lic_picture_free(&b);
}

TEST(metadata_travels)
{
    check_metadata(LIC_FORMAT_PNG);
    check_metadata(LIC_FORMAT_JPEG);
}

TEST(metadata_is_kept_by_choice)
{
    lic_error err = {0};
    lic_read_options only_exif = defaults;
    lic_picture a = random_picture(8, 8, 3, 8), b;
    only_exif.metadata = 1 << LIC_META_EXIF;
    add_all_metadata(&a, 64);
    CHECK_EQ_INT(round_trip(&a, LIC_FORMAT_PNG, &only_exif, &b, &err), LIC_OK);
    CHECK(b.meta[LIC_META_EXIF].data && !b.meta[LIC_META_ICCP].data && !b.meta[LIC_META_XMP].data);
    lic_picture_free(&a);
    lic_picture_free(&b);
}

TEST(metadata_left_out_is_said)
{
    lic_error err = {0};
    lic_picture a = random_picture(8, 8, 3, 8), b;
    add_all_metadata(&a, 70000); /* more than a JPEG segment */
    CHECK_EQ_INT(round_trip(&a, LIC_FORMAT_JPEG, &defaults, &b, &err), LIC_OK);
    CHECK(strstr(a.warning, "exif of 70000 bytes"));
    CHECK(!b.meta[LIC_META_EXIF].data && b.meta[LIC_META_XMP].data);
    lic_picture_free(&b);
    a.warning[0] = 0;
    CHECK_EQ_INT(round_trip(&a, LIC_FORMAT_PPM, &defaults, &b, &err), LIC_OK);
    CHECK(strstr(a.warning, "a PPM file cannot hold it"));
    lic_picture_free(&a);
    lic_picture_free(&b);
}

/* ---- alpha ---- */

/* 2x1 pixels of one PNG, RGBA 8 bits: 200 100 0 at full and at 51/255 alpha. */
static const uint8_t two_rgba[] = {
    0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0x00, 0x00, 0x00, 0x0D, 0x49, 0x48, 0x44, 0x52,
    0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x01, 0x08, 0x06, 0x00, 0x00, 0x00, 0xF4, 0x22, 0x7F,
    0x8A, 0x00, 0x00, 0x00, 0x14, 0x49, 0x44, 0x41, 0x54, 0x78, 0x01, 0x01, 0x09, 0x00, 0xF6, 0xFF,
    0x00, 0xC8, 0x64, 0x00, 0xFF, 0xC8, 0x64, 0x00, 0x33, 0x12, 0x7F, 0x03, 0x8B, 0xC6, 0xA4, 0xEC,
    0x7B, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4E, 0x44, 0xAE, 0x42, 0x60, 0x82};

TEST(alpha_is_refused_dropped_or_blended)
{
    lic_error err = {0};
    lic_picture p;
    lic_read_options options = defaults;
    CHECK_EQ_INT(lic_picture_read(two_rgba, sizeof two_rgba, &options, &p, &err),
                 LIC_ERR_UNSUPPORTED);
    CHECK(strstr(err.text, "--alpha=drop") && strstr(err.text, "--alpha=blend"));
    lic_picture_free(&p);
    options.alpha = LIC_ALPHA_DROP;
    REQUIRE(lic_picture_read(two_rgba, sizeof two_rgba, &options, &p, &err) == LIC_OK);
    CHECK_EQ_INT(p.image.channels, 3);
    CHECK_EQ_MEM(p.image.data, ((uint8_t[]){200, 100, 0, 200, 100, 0}), 6);
    lic_picture_free(&p);
    options.alpha = LIC_ALPHA_BLEND;
    memcpy(options.background, (uint8_t[]){255, 0, 50}, 3);
    REQUIRE(lic_picture_read(two_rgba, sizeof two_rgba, &options, &p, &err) == LIC_OK);
    CHECK_EQ_MEM(p.image.data, ((uint8_t[]){200, 100, 0, 244, 20, 40}), 6);
    lic_picture_free(&p);
}

/* ---- limits and names ---- */

TEST(sizes_are_checked_before_memory)
{
    lic_error err = {0};
    lic_picture p = {0};
    lic_read_options options = {.max_pixels = UINT64_MAX};
    CHECK_EQ_INT(lic_picture_alloc(&p, 65536, 1, 3, 8, &options, &err), LIC_ERR_LIMIT);
    CHECK_EQ_INT(lic_picture_alloc(&p, 1, 0, 3, 8, &options, &err), LIC_ERR_LIMIT);
    options.max_pixels = 99;
    CHECK_EQ_INT(lic_picture_alloc(&p, 10, 10, 3, 8, &options, &err), LIC_ERR_LIMIT);
    CHECK(strstr(err.text, "10x10") && strstr(err.text, "99"));
    CHECK(!p.image.data);
}

TEST(formats_by_name_and_content)
{
    CHECK_EQ_INT(lic_picture_format_of_name("a/b.PNG"), LIC_FORMAT_PNG);
    CHECK_EQ_INT(lic_picture_format_of_name("x.jpeg"), LIC_FORMAT_JPEG);
    CHECK_EQ_INT(lic_picture_format_of_name("x.pgm"), LIC_FORMAT_PPM);
    CHECK_EQ_INT(lic_picture_format_of_name(".png"), LIC_FORMAT_NONE);
    CHECK_EQ_INT(lic_picture_format_of_name("png"), LIC_FORMAT_NONE);
    CHECK_EQ_INT(lic_picture_sniff((const uint8_t *)"P6\n", 3), LIC_FORMAT_PPM);
    CHECK_EQ_INT(lic_picture_sniff((const uint8_t *)"P7\n", 3), LIC_FORMAT_NONE);
    CHECK_EQ_INT(lic_picture_sniff(two_rgba, sizeof two_rgba), LIC_FORMAT_PNG);
    CHECK_EQ_INT(lic_picture_sniff(two_rgba, 7), LIC_FORMAT_NONE);
}

/* What a format writes it knows again, by its bytes and by each of its suffixes. */
TEST(every_format_in_the_table)
{
    const char *all = LIC_FORMAT_ALL_SUFFIXES;
    int n_words = 0;
    for (int i = LIC_FORMAT_PNG; i <= LIC_FORMAT_PPM; i++) {
        lic_picture p = random_picture(3, 2, 3, 8);
        uint8_t head[16];
        lic_error err = {0};
        FILE *file = tmpfile();
        CHECK_EQ_INT(lic_picture_write(file, (lic_picture_format)i, &p, &err), LIC_OK);
        rewind(file);
        CHECK_EQ_INT(lic_picture_sniff(head, fread(head, 1, sizeof head, file)), i);
        fclose(file);
        lic_picture_free(&p);
        CHECK_EQ_INT(lic_picture_format_of_suffix(lic_formats[i].suffix), i);
        for (const char *at = lic_formats[i].suffixes + 1; *at; at += strcspn(at, " ") + 1) {
            char word[16];
            snprintf(word, sizeof word, "%.*s", (int)strcspn(at, " "), at);
            CHECK_EQ_INT(lic_picture_format_of_suffix(word), i);
            CHECK(strstr(all, word) != NULL);
            n_words++;
        }
    }
    CHECK(n_words >= 12);
    for (; *all; all += strcspn(all, " ") + (all[strcspn(all, " ")] == ' '))
        n_words--;
    CHECK_EQ_INT(n_words, 0);
    CHECK_EQ_INT(lic_picture_format_of_suffix(""), LIC_FORMAT_NONE);
    CHECK_EQ_INT(lic_picture_format_of_suffix("pn"), LIC_FORMAT_NONE);
    CHECK_EQ_INT(lic_picture_format_of_suffix("png apng"), LIC_FORMAT_NONE);
}

/* Found by fuzzing: an eXIf chunk of 1.6 GB in a file of a hundred bytes made libpng take them. */
TEST(png_chunk_that_promises_gigabytes)
{
    enum { AFTER_IHDR = 33 };
    static const uint8_t chunk[8] = {0x60, 0, 0, 0, 'e', 'X', 'I', 'f'};
    uint8_t data[sizeof two_rgba + sizeof chunk];
    lic_error err = {0};
    lic_picture p;
    memcpy(data, two_rgba, AFTER_IHDR);
    memcpy(data + AFTER_IHDR, chunk, sizeof chunk);
    memcpy(data + AFTER_IHDR + sizeof chunk, two_rgba + AFTER_IHDR, sizeof two_rgba - AFTER_IHDR);
    CHECK_EQ_INT(lic_picture_read(data, sizeof data, &defaults, &p, &err), LIC_ERR_CORRUPT);
    CHECK(strstr(err.text, "too early"));
    lic_picture_free(&p);
}

/* Random changes to a small PNG with metadata: whatever comes, no crash (sanitizers watch). */
TEST(damaged_png_never_crashes)
{
    lic_error err = {0};
    lic_read_options options = defaults;
    options.alpha = LIC_ALPHA_DROP;
    for (int round = 0; round < 2000; round++) {
        uint8_t data[sizeof two_rgba];
        lic_picture p;
        memcpy(data, two_rgba, sizeof data);
        for (uint32_t n = 1 + test_random_below(3); n > 0; n--)
            data[8 + test_random_below(sizeof data - 8)] = (uint8_t)test_random();
        (void)!lic_picture_read(data, sizeof data - test_random_below(12), &options, &p, &err);
        lic_picture_free(&p);
    }
}

static size_t megabytes_used(void)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (size_t)use.ru_maxrss / 1024;
}

/* Texts of 12 MB packed into 12 kB each: libpng kept up to 1000 of them unpacked, 720 MB here. Now
 * there are 200 at most, and 256 that AddressSanitizer holds back. */
TEST(png_with_many_packed_texts_takes_little_memory)
{
    enum { TEXTS = 60, TEXT_BYTES = 12 << 20 };
    static const uint8_t pixel[2] = {0, 7};
    static uint8_t text[1 << 16] = "key\0\0", idat[64], file[TEXTS << 15];
    uLongf text_bytes = sizeof text - 5, idat_bytes = sizeof idat;
    uint8_t *letters = malloc(TEXT_BYTES), *at = file;
    REQUIRE(letters);
    memset(letters, 'a', TEXT_BYTES);
    REQUIRE(compress2(text + 5, &text_bytes, letters, TEXT_BYTES, 9) == Z_OK);
    REQUIRE(compress(idat, &idat_bytes, pixel, sizeof pixel) == Z_OK);
    free(letters);
    at = put_png_head(at, 1, 1, 8, 0, 0);
    for (int i = 0; i < TEXTS; i++)
        at = put_chunk(at, "zTXt", text, text_bytes + 5);
    at = put_chunk(at, "IDAT", idat, idat_bytes);
    at = put_chunk(at, "IEND", NULL, 0);
    lic_picture p;
    lic_error err = {0};
    const size_t before = megabytes_used();
    CHECK_EQ_INT(lic_picture_read(file, (size_t)(at - file), &defaults, &p, &err), LIC_OK);
    CHECK(megabytes_used() - before < 500);
    lic_picture_free(&p);
}

/* ---- what cannot be read ---- */

static off_t bad_block = -1; /* nothing can be read from there on */
ssize_t __real_pread(int fd, void *to, size_t bytes, off_t at);
ssize_t __wrap_pread(int fd, void *to, size_t bytes, off_t at);

ssize_t __wrap_pread(int fd, void *to, size_t bytes, off_t at)
{
    if (bad_block < 0 || at + (off_t)bytes <= bad_block)
        return __real_pread(fd, to, bytes, at);
    if (at < bad_block)
        return __real_pread(fd, to, (size_t)(bad_block - at), at);
    errno = EIO;
    return -1;
}

/* What comes of a file of which `readable` bytes can be read; -1: all. */
static lic_status read_bad_disk(const char *path, long readable, bool salvage, lic_error *err)
{
    lic_read_options options = defaults;
    lic_picture p = {0};
    lic_source source;
    options.salvage = salvage;
    bad_block = readable;
    lic_status status = lic_source_open(&source, path, 0, err);
    if (status == LIC_OK)
        status = lic_picture_read_source(&source, &options, &p, err);
    lic_source_close(&source);
    lic_picture_free(&p);
    bad_block = -1;
    return status;
}

/* It is no short file, and nothing that could be salvaged: the next reading may have all. The last
 * of these ends without its mark, which is a warning at most. */
TEST(read_errors_are_not_the_end_of_the_file)
{
    static const struct {
        const char *path;
        long half;
    } files[] = {{"tests/data/kodim23.png", 400000},
                 {"tests/data/cases/orient6.jpg", 600},
                 {"tests/data/cases/noeoi.jpg", 1031}};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        for (int salvage = 0; salvage < 2; salvage++) {
            lic_error err = {0};
            for (int half = 0; half < 2; half++) {
                const long readable = half ? files[i].half : 0;
                CHECK_EQ_INT(read_bad_disk(files[i].path, readable, salvage, &err),
                             LIC_REPORT_ERR_IO);
                CHECK_EQ_STR(err.text, "cannot read: Input/output error");
            }
            CHECK(salvage == 0 || read_bad_disk(files[i].path, -1, true, &err) == LIC_OK);
        }
}
