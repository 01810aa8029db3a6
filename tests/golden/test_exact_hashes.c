/* test_exact_hashes.c - what is coded without a network against a list (exact-hashes.txt): files
 * without loss, nearly without, and pages of which parts are kept exactly. Each must have the same
 * bytes on every machine and with 1 and 3 threads, and come back as it was.
 *
 * With LIC_WRITE_EXACT_HASHES=FILE in the environment the list is written there instead of
 * compared: only for a change of the format or of the encoder's choices that is meant. */
#include "tests/golden/hash_list.h"
#include "tests/unit/lossless_fixture.h"
#include "tests/unit/page_fixture.h"

typedef struct line {
    unsigned kind; /* raster_kind of lossless_fixture.h, or PAGE */
    unsigned channels, depth, near, tile;
    double quality; /* of pages */
    unsigned long bytes, file;
} line;

enum { PAGE = RASTER_KINDS, MAX_LINES = 100, WIDTH = 101, HEIGHT = 70 };

/* All pictures of the list; returns how many. */
static int all_cases(line *out)
{
    static const unsigned shapes[][2] = {{1, 8}, {3, 8}, {4, 8}, {1, 16}, {3, 16}};
    static const line others[] = {
        {.kind = SLOPES, .channels = 3, .depth = 8, .tile = 64},
        {.kind = SLOPES, .channels = 3, .depth = 8, .near = 1},
        {.kind = NOISE, .channels = 1, .depth = 8, .near = 15},
        {.kind = PLANES, .channels = 3, .depth = 16, .near = 100, .tile = 64},
        {.kind = PAGE, .channels = 3, .depth = 8, .quality = 25},
        {.kind = PAGE, .channels = 3, .depth = 8, .tile = 192, .quality = 75},
        {.kind = PAGE, .channels = 2, .depth = 16, .quality = 50},
    };
    int n = 0;
    for (unsigned kind = 0; kind < RASTER_KINDS; kind++)
        for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
            out[n++] = (line){.kind = kind, .channels = shapes[i][0], .depth = shapes[i][1]};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        out[n++] = others[i];
    return n;
}

/* Each picture is the same, whatever was made before it. To be freed: data. */
static lic_image picture_of(const line *l)
{
    test_random_state = 7;
    if (l->kind == PAGE)
        return make_page(l->channels, l->depth);
    const lic_raster r = make_raster(l->kind, WIDTH, HEIGHT, l->channels, l->depth);
    return (lic_image){.data = r.data,
                       .stride_bytes = r.stride_bytes,
                       .width = r.width,
                       .height = r.height,
                       .channels = r.channels,
                       .depth = r.depth};
}

/* Fills in what encoding gives, and checks what comes back; 0 if either fails. */
static int run(line *l, int threads)
{
    const lic_options o = with_threads(threads);
    lic_image in = picture_of(l), out = {0};
    lic_encode_options e = at_quality(l->quality);
    lic_buffer file = {0};
    lic_error err = {0};
    e.tile_side = l->tile;
    e.near = l->near;
    e.lossless = l->kind == PAGE ? LIC_LOSSLESS_AUTO : LIC_LOSSLESS_YES;
    const int ok = !lic_encode(tiny_model(), &in, &o, &e, &file, &err) &&
                   !lic_decode(tiny_model(), file.data, file.bytes, &o, NULL, &out, &err);
    if (!ok)
        printf("%s\n", err.text);
    l->bytes = file.bytes;
    l->file = lic_crc32(0, file.data, file.bytes);
    if (ok && l->kind != PAGE && !l->near)
        check_same_pixels(&in, &out);
    lic_image_free(&out);
    lic_buffer_free(&file);
    free(in.data);
    return ok;
}

static void write_list(const char *path, line *lines, int n)
{
    FILE *file = fopen(path, "w");
    REQUIRE(file);
    fprintf(file,
            "# kind (tests/unit/lossless_fixture.h; %d: a page of page_fixture.h) channels "
            "depth near tile quality;\n# bytes of the file, CRC-32 of the file.\n",
            PAGE);
    for (int i = 0; i < n; i++) {
        CHECK(run(&lines[i], 1));
        fprintf(file, "%u %u %u %u %u %g %lu %08lx\n", lines[i].kind, lines[i].channels,
                lines[i].depth, lines[i].near, lines[i].tile, lines[i].quality, lines[i].bytes,
                lines[i].file);
    }
    CHECK(!fclose(file));
}

static int parse(const char *text, void *line_out)
{
    line *l = line_out;
    return sscanf(text, "%u %u %u %u %u %lf %lu %lx", &l->kind, &l->channels, &l->depth, &l->near,
                  &l->tile, &l->quality, &l->bytes, &l->file) == 8;
}

/* Emulators are slow: two pages and one number of threads are left out there. */
#ifdef LIC_TEST_QUICK
enum { MOST_THREADS = 2 };
static int wanted(const line *l)
{
    return l->kind != PAGE || l->quality == 50;
}
#else
enum { MOST_THREADS = 3 };
static int wanted(const line *l)
{
    (void)l;
    return 1;
}
#endif

TEST(files_without_a_network_are_the_same_everywhere)
{
    static line cases[MAX_LINES], lines[MAX_LINES];
    const int n = all_cases(cases);
    const char *write_to = getenv("LIC_WRITE_EXACT_HASHES");
    if (write_to) {
        write_list(write_to, cases, n);
        return;
    }
    CHECK_EQ_INT(read_list("exact-hashes.txt", lines, sizeof *lines, MAX_LINES, parse), n);
    for (int i = 0; i < n; i++)
        for (int threads = 1; wanted(&lines[i]) && threads <= MOST_THREADS; threads += 2) {
            line got = lines[i];
            CHECK(run(&got, threads));
            if (test_failed(got.bytes == lines[i].bytes && got.file == lines[i].file))
                printf("%d threads: kind %u, %u channels, depth %u, near %u, tile %u: %lu %08lx, "
                       "expected %lu %08lx\n",
                       threads, got.kind, got.channels, got.depth, got.near, got.tile, got.bytes,
                       got.file, lines[i].bytes, lines[i].file);
        }
}
