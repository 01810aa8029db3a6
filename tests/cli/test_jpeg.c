/* test_jpeg.c - the JPEG reader and writer: all kinds of files that libjpeg can make are read as
 * libjpeg reads them, others are refused by name, and the cost of a small file is bounded. */
#include "cli/picture/image_io.h"
#include "cli/picture/jpeg.h"
#include "tests/test.h"

static const lic_read_options defaults = {.max_pixels = 1 << 28, .metadata = LIC_META_ALL};

typedef struct jpeg {
    unsigned char *data;
    unsigned long bytes;
} jpeg;

typedef struct kind {
    int channels, sampling; /* 4: CMYK */
    J_COLOR_SPACE stored;   /* JCS_UNKNOWN: as libjpeg chooses */
    bool progressive, scans, comment, no_adobe;
    unsigned restart;
    int density;
} kind;

enum { WIDTH = 83, HEIGHT = 61 };

/* Tells libjpeg to write this kind. */
static void set_kind(struct jpeg_compress_struct *c, const kind *k)
{
    /* Not interleaved: a scan for each component. */
    static jpeg_scan_info scans[3] = {
        {1, {0}, 0, 63, 0, 0}, {1, {1}, 0, 63, 0, 0}, {1, {2}, 0, 63, 0, 0}};
    jpeg_set_defaults(c);
    jpeg_set_quality(c, 90, TRUE);
    if (k->stored != JCS_UNKNOWN)
        jpeg_set_colorspace(c, k->stored);
    if (k->progressive)
        jpeg_simple_progression(c);
    if (k->scans) {
        c->scan_info = scans;
        c->num_scans = 3;
    }
    c->comp_info[0].h_samp_factor = c->comp_info[0].v_samp_factor = k->sampling;
    c->restart_interval = k->restart;
    c->density_unit = k->density ? 1 : 0;
    c->X_density = (UINT16)(k->density ? k->density : 1);
    c->Y_density = (UINT16)(k->density ? k->density + 1 : 1);
}

/* A JPEG file of this kind, of a picture by a formula; free its data. */
static jpeg make(const kind *k)
{
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    static unsigned char row[WIDTH * 4], text[60000];
    jpeg j = {0};
    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &j.data, &j.bytes);
    c.image_width = WIDTH;
    c.image_height = HEIGHT;
    c.input_components = k->channels;
    c.in_color_space = k->channels == 1 ? JCS_GRAYSCALE : k->channels == 3 ? JCS_RGB : JCS_CMYK;
    set_kind(&c, k);
    if (k->no_adobe)
        c.write_Adobe_marker = FALSE;
    jpeg_start_compress(&c, TRUE);
    if (k->comment) /* more than a reader holds at a time */
        jpeg_write_marker(&c, JPEG_COM, text, sizeof text);
    while (c.next_scanline < HEIGHT) {
        JSAMPROW at = row;
        for (size_t i = 0; i < WIDTH * (size_t)k->channels; i++)
            row[i] = (unsigned char)(i * (c.next_scanline + 3) / 7 + test_random_below(20));
        jpeg_write_scanlines(&c, &at, 1);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    return j;
}

/* What libjpeg sees, with its defaults. */
static void decode(const jpeg *j, unsigned char *pixels)
{
    struct jpeg_decompress_struct d;
    struct jpeg_error_mgr errors;
    d.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&d);
    jpeg_mem_src(&d, j->data, j->bytes);
    jpeg_read_header(&d, TRUE);
    jpeg_start_decompress(&d);
    while (d.output_scanline < d.output_height) {
        JSAMPROW at = pixels + d.output_scanline * d.output_width * (unsigned)d.output_components;
        jpeg_read_scanlines(&d, &at, 1);
    }
    jpeg_finish_decompress(&d);
    jpeg_destroy_decompress(&d);
}

static lic_status read_it(const jpeg *j, const lic_read_options *options, lic_picture *picture,
                          lic_error *err)
{
    memset(err, 0, sizeof *err);
    return lic_picture_read(j->data, j->bytes, options, picture, err);
}

struct raised {
    lic_format_state base; /* first, as in a reader */
    int code;
};

static void raise_warning(void *state)
{
    struct raised *raised = state;
    struct jpeg_error_mgr errors;
    struct jpeg_decompress_struct in = {.err = lic_jpeg_errors(&errors), .client_data = raised};
    WARNMS(&in, raised->code);
}

/* ---- what is read ---- */

static const kind kinds[] = {
    {.channels = 3, .sampling = 1},
    {.channels = 3, .sampling = 2},
    {.channels = 1, .sampling = 1},
    {.channels = 3, .sampling = 2, .progressive = true},
    {.channels = 1, .sampling = 1, .progressive = true},
    {.channels = 3, .sampling = 1, .scans = true},
    {.channels = 3, .sampling = 2, .restart = 3},
    {.channels = 3, .sampling = 1, .progressive = true, .restart = 2},
    {.channels = 3, .sampling = 1, .stored = JCS_RGB},
    {.channels = 3, .sampling = 1, .comment = true},
};
enum { N_KINDS = sizeof kinds / sizeof *kinds };

TEST(kinds_are_read_as_libjpeg_does)
{
    static unsigned char right[WIDTH * HEIGHT * 3];
    for (int i = 0; i < N_KINDS; i++) {
        const jpeg j = make(&kinds[i]);
        lic_picture p;
        lic_error err;
        CHECK_EQ_INT(read_it(&j, &defaults, &p, &err), LIC_OK);
        CHECK_EQ_STR(err.text, "");
        CHECK_EQ_STR(p.warning, "");
        CHECK_EQ_INT(p.image.channels, kinds[i].channels);
        decode(&j, right);
        if (p.image.data && p.image.channels == (uint32_t)kinds[i].channels)
            CHECK_EQ_MEM(p.image.data, right, (size_t)WIDTH * HEIGHT * p.image.channels);
        lic_picture_free(&p);
        free(j.data);
    }
}

/* Missing pixels are never made up: a file that ends early is refused, wherever it ends. The end
 * marker alone is no pixel, where libjpeg tells what is missing. */
TEST(truncated_files_are_refused)
{
    for (int i = 0; i < N_KINDS; i++) {
        const jpeg j = make(&kinds[i]);
        const bool scans = kinds[i].progressive || kinds[i].scans;
        for (unsigned long bytes = 3; bytes < j.bytes - 2; bytes += 1 + j.bytes / 90) {
            const jpeg cut = {j.data, bytes};
            lic_picture p;
            lic_error err;
            CHECK_EQ_INT(read_it(&cut, &defaults, &p, &err), LIC_ERR_CORRUPT);
            CHECK(strstr(err.text, "damaged JPEG"));
            lic_picture_free(&p);
        }
        for (unsigned long bytes = j.bytes - 2; bytes < j.bytes; bytes++) {
            const jpeg cut = {j.data, bytes};
            lic_picture p;
            lic_error err;
            CHECK_EQ_INT(read_it(&cut, &defaults, &p, &err), scans ? LIC_ERR_CORRUPT : LIC_OK);
            CHECK(scans || strstr(p.warning, "end marker is missing"));
            lic_picture_free(&p);
        }
        free(j.data);
    }
}

/* Asked to, the reader takes what there is: the same rows as of the whole file down to where it
 * says, and some of them unless next to nothing is there. */
TEST(truncated_files_are_salvaged)
{
    lic_read_options salvage = defaults;
    salvage.salvage = true;
    for (int i = 0; i < N_KINDS; i++) {
        const jpeg j = make(&kinds[i]);
        const bool scans = kinds[i].progressive || kinds[i].scans;
        lic_picture whole, p;
        lic_error err;
        REQUIRE(read_it(&j, &salvage, &whole, &err) == LIC_OK);
        CHECK_EQ_STR(whole.damage, "");
        const unsigned long three_quarters = j.bytes / 4 * 3;
        for (unsigned long bytes = 3; bytes < j.bytes - 2; bytes += 1 + j.bytes / 50) {
            const jpeg cut = {j.data, bytes};
            const lic_status status = read_it(&cut, &salvage, &p, &err);
            CHECK(status == LIC_OK || status == LIC_ERR_CORRUPT);
            CHECK(status == LIC_OK || bytes < three_quarters || kinds[i].comment);
            if (status == LIC_OK) {
                CHECK(p.damage[0] && p.whole_rows < HEIGHT);
                CHECK_EQ_MEM(p.image.data, whole.image.data, p.whole_rows * p.image.stride_bytes);
                CHECK(scans || bytes < three_quarters || p.whole_rows > 0);
            }
            lic_picture_free(&p);
        }
        lic_picture_free(&whole);
        free(j.data);
    }
}

/* ---- warnings ---- */

/* The numbers that this program was compiled with are those of the library that it runs with, and
 * every warning that has a name is in the table. */
TEST(warnings_are_those_of_the_library)
{
    struct jpeg_error_mgr errors;
    jpeg_std_error(&errors);
    int n = 0;
    for (const lic_jpeg_warning *w = lic_jpeg_warnings; w->says; w++, n++) {
        REQUIRE(w->code > 0 && w->code <= errors.last_jpeg_message);
        const char *text = errors.jpeg_message_table[w->code];
        if (!strstr(text, w->says))
            CHECK_EQ_STR(text, w->says);
        for (const lic_jpeg_warning *other = lic_jpeg_warnings; other < w; other++)
            CHECK(other->code != w->code);
    }
    CHECK_EQ_INT(n, 12);
}

/* What becomes of each, with and without salvaging: raised as libjpeg does it. */
TEST(warnings_have_their_classes)
{
    for (const lic_jpeg_warning *w = lic_jpeg_warnings; w->says; w++)
        for (int salvage = 0; salvage < 2; salvage++) {
            lic_picture picture = {0};
            lic_error err = {0};
            const lic_read_options options = {.salvage = salvage};
            struct raised raised = {{.picture = &picture,
                                     .options = &options,
                                     .doing = "damaged JPEG",
                                     .on_error = LIC_ERR_CORRUPT},
                                    w->code};
            const lic_status status = lic_format_run(&raised.base, raise_warning, &err);
            const bool fails =
                w->loss == LIC_JPEG_FATAL || (w->loss == LIC_JPEG_SALVAGE && !salvage);
            CHECK_EQ_INT(status, fails ? LIC_ERR_CORRUPT : LIC_OK);
            CHECK_EQ_INT(!!picture.warning[0], w->loss == LIC_JPEG_HARMLESS);
            CHECK_EQ_INT(!!picture.damage[0], w->loss == LIC_JPEG_SALVAGE && salvage);
        }
}

/* Ss, Se, Ah and Al of a sequential file say nothing that is not so anyway. */
TEST(odd_scan_parameters_lose_no_pixel)
{
    for (int i = 0; i < 3; i++) {
        const jpeg j = make(&kinds[i]);
        lic_picture right, odd;
        lic_error err;
        REQUIRE(read_it(&j, &defaults, &right, &err) == LIC_OK);
        unsigned char *scan = j.data;
        while (scan[0] != 0xFF || scan[1] != 0xDA)
            scan++;
        memset(scan + 2 + scan[3] - 3, 0, 3);
        CHECK_EQ_INT(read_it(&j, &defaults, &odd, &err), LIC_OK);
        CHECK(strstr(odd.warning, "SOS"));
        if (odd.image.data)
            CHECK_EQ_MEM(odd.image.data, right.image.data, right.image.stride_bytes * HEIGHT);
        lic_picture_free(&right);
        lic_picture_free(&odd);
        free(j.data);
    }
}

/* ---- four inks ---- */

/* Stored as Adobe does it (libjpeg writes its marker), 255 is no ink; without the marker, 0 is. */
TEST(cmyk_is_mixed_by_the_plain_formula)
{
    static const kind inked[] = {
        {.channels = 4, .sampling = 1},
        {.channels = 4, .sampling = 1, .stored = JCS_YCCK},
        {.channels = 4, .sampling = 1, .no_adobe = true},
        {.channels = 4, .sampling = 1, .progressive = true},
    };
    for (size_t i = 0; i < sizeof inked / sizeof *inked; i++) {
        static unsigned char inks[WIDTH * HEIGHT * 4];
        const jpeg j = make(&inked[i]);
        const int flip = inked[i].no_adobe ? 255 : 0;
        lic_picture p;
        lic_error err;
        CHECK_EQ_INT(read_it(&j, &defaults, &p, &err), LIC_OK);
        CHECK(strstr(p.warning, "CMYK becomes RGB"));
        REQUIRE(p.image.data && p.image.channels == 3);
        decode(&j, inks);
        const unsigned char *at = p.image.data;
        for (int k = 0; k < WIDTH * HEIGHT; k++)
            for (int c = 0; c < 3; c++)
                CHECK_EQ_INT(*at++,
                             ((inks[4 * k + c] ^ flip) * (inks[4 * k + 3] ^ flip) + 127) / 255);
        lic_picture_free(&p);
        free(j.data);
    }
}

/* ---- what is not ---- */

static unsigned char *frame_head(const jpeg *j)
{
    for (unsigned long i = 2; i + 9 < j->bytes; i++)
        if (j->data[i] == 0xFF && j->data[i + 1] >= 0xC0 && j->data[i + 1] <= 0xC2)
            return j->data + i;
    return NULL;
}

static void check_refused(const jpeg *j, const lic_read_options *options, lic_status status,
                          const char *text)
{
    lic_picture p;
    lic_error err;
    CHECK_EQ_INT(read_it(j, options, &p, &err), status);
    if (!strstr(err.text, text))
        CHECK_EQ_STR(err.text, text);
    lic_picture_free(&p);
}

TEST(other_jpegs_are_refused_by_name)
{
    jpeg j = make(&kinds[0]);
    unsigned char *head = frame_head(&j);
    REQUIRE(head);
    head[4] = 12;
    check_refused(&j, &defaults, LIC_ERR_UNSUPPORTED, "12 bits per sample");
    head[4] = 8;
    head[1] = 0xC3;
    check_refused(&j, &defaults, LIC_ERR_UNSUPPORTED, "lossless JPEG");
    head[1] = 0xC5;
    check_refused(&j, &defaults, LIC_ERR_UNSUPPORTED, "SOF 0xc5");
    free(j.data);
}

/* ---- what a small file can ask for ---- */

static void set_size(unsigned char *head, unsigned width, unsigned height)
{
    head[5] = (unsigned char)(height >> 8);
    head[6] = (unsigned char)height;
    head[7] = (unsigned char)(width >> 8);
    head[8] = (unsigned char)width;
}

/* libjpeg holds 6 bytes per pixel of a progressive picture: 1.6 GB at the default of --max-pixels.
 */
TEST(progressive_bombs_are_refused_before_memory_is_taken)
{
    jpeg j = make(&kinds[3]), large = {calloc(1, 1 << 20), 1 << 20};
    unsigned char *head = frame_head(&j);
    REQUIRE(head && large.data);
    set_size(head, 16000, 16000);
    check_refused(&j, &defaults, LIC_ERR_CORRUPT, "too short for its size of 16000x16000");
    /* Long enough, for all that the reader knows. */
    memcpy(large.data, j.data, j.bytes);
    set_size(frame_head(&large), 11000, 11000);
    lic_read_options options = defaults;
    options.max_memory = 100000000;
    check_refused(&large, &options, LIC_ERR_LIMIT, "--max-memory=100000000");
    set_size(frame_head(&large), 300, 300);
    check_refused(&large, &options, LIC_ERR_CORRUPT, "damaged JPEG");
    free(large.data);
    free(j.data);
}

/* Coefficients of 2 bytes for each sample, if a picture comes in several scans. */
TEST(scans_tell_what_they_will_take)
{
    for (int i = 0; i < N_KINDS; i++) {
        const kind *k = &kinds[i];
        const jpeg j = make(k);
        lic_source source = lic_source_memory(j.data, j.bytes);
        lic_error err = {0};
        lic_picture p;
        lic_reader *reader;
        const int chroma = (k->channels - 1) * WIDTH * HEIGHT / (k->sampling * k->sampling);
        const uint64_t samples = WIDTH * HEIGHT + (uint64_t)chroma;
        REQUIRE(lic_reader_open(&source, &defaults, &p, &reader, &err) == LIC_OK);
        const uint64_t bytes = lic_reader_memory(reader);
        if (k->progressive || k->scans)
            CHECK(bytes >= 2 * samples && bytes < 3 * samples);
        else
            CHECK_EQ_INT(bytes, 0);
        lic_reader_close(reader);
        lic_picture_free(&p);
        free(j.data);
    }
}

static unsigned char *put(unsigned char *at, const unsigned char *bytes, size_t n)
{
    memcpy(at, bytes, n);
    return at + n;
}

static unsigned char *put_scan(unsigned char *at, int first)
{
    static const unsigned char ac[] = {0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 0, 0, 0x7F};
    memcpy(at, ac, sizeof ac);
    at[7] = at[8] = (unsigned char)first; /* one coefficient */
    return at + sizeof ac;
}

/* 8x8 grey pixels; each scan says once more, at one more bit, that a coefficient is zero. */
static jpeg many_scans(int n)
{
    static const unsigned char size[] = {0xFF, 0xC2, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0};
    static const unsigned char dc_table[22] = {0xFF, 0xC4, 0, 20, 0, 1};    /* one bit: zero */
    static const unsigned char ac_table[22] = {0xFF, 0xC4, 0, 20, 0x10, 1}; /* one bit: the end */
    static const unsigned char dc[] = {0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 0, 0, 0x7F};
    unsigned char *data = malloc(200 + (size_t)n * sizeof dc), *at = data;
    at = put(at, (unsigned char[]){0xFF, 0xD8, 0xFF, 0xDB, 0, 67, 0}, 7);
    memset(at, 1, 64); /* quantization */
    at = put(at + 64, size, sizeof size);
    at = put(at, dc_table, sizeof dc_table);
    at = put(at, ac_table, sizeof ac_table);
    at = put(at, dc, sizeof dc);
    for (int i = 0; i < n; i++) { /* first at bit 13, then refined down to 0 */
        const int coefficient = 1 + i / 14;
        at = put_scan(at, coefficient);
        const int bit = 13 - i % 14;
        at[-2] = (unsigned char)(bit == 13 ? 13 : (bit + 1) << 4 | bit);
    }
    at = put(at, (unsigned char[]){0xFF, 0xD9}, 2);
    return (jpeg){data, (unsigned long)(at - data)};
}

TEST(the_number_of_scans_is_limited)
{
    lic_picture p;
    lic_error err;
    jpeg j = many_scans(90);
    CHECK_EQ_INT(read_it(&j, &defaults, &p, &err), LIC_OK);
    CHECK_EQ_STR(err.text, "");
    lic_picture_free(&p);
    free(j.data);
    j = many_scans(150);
    check_refused(&j, &defaults, LIC_ERR_LIMIT, "more than 100 scans");
    free(j.data);
}

/* ---- resolution ---- */

TEST(density_is_kept_but_for_72)
{
    for (int density = 71; density <= 73; density += 2) {
        const kind k = {.channels = 1, .sampling = 1, .density = density};
        const jpeg j = make(&k);
        lic_picture p, again;
        lic_error err;
        REQUIRE(read_it(&j, &defaults, &p, &err) == LIC_OK);
        CHECK_EQ_INT(p.meta[LIC_META_RESOLUTION].bytes, 9);
        FILE *file = tmpfile();
        REQUIRE(lic_picture_write(file, LIC_FORMAT_JPEG, &p, &err) == LIC_OK);
        static unsigned char data[1 << 16];
        rewind(file);
        const jpeg written = {data, fread(data, 1, sizeof data, file)};
        fclose(file);
        CHECK_EQ_MEM(
            data + 13,
            ((unsigned char[]){1, 0, (unsigned char)density, 0, (unsigned char)(density + 1)}), 5);
        REQUIRE(read_it(&written, &defaults, &again, &err) == LIC_OK);
        CHECK_EQ_MEM(again.meta[LIC_META_RESOLUTION].data, p.meta[LIC_META_RESOLUTION].data, 9);
        lic_picture_free(&again);
        lic_picture_free(&p);
        free(j.data);
    }
    const jpeg plain = make(&kinds[0]);
    lic_picture p;
    lic_error err;
    CHECK_EQ_INT(read_it(&plain, &defaults, &p, &err), LIC_OK);
    CHECK(!p.meta[LIC_META_RESOLUTION].data);
    lic_picture_free(&p);
    free(plain.data);
}
