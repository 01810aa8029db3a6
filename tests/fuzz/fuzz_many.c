/* fuzz_many.c - much from little: an input of a few bytes stands for a file in which one piece is
 * repeated, up to 65,535 times: chunks of PNG, segments of JPEG, bytes of metadata in a .lic file.
 * What grows with the square of their number, or writes far more than it was given, fails. */
#include "tests/fuzz/fuzz_image.h"

#include <jpeglib.h>
#include <time.h>
#include <zlib.h>

enum { HEAD_BYTES = 3, MOST_BYTES = 8 << 20, MOST_SECONDS = 4 };

struct bytes {
    uint8_t *data;
    size_t n;
};

static void append(struct bytes *b, const void *data, size_t n)
{
    FUZZ_CHECK(b->n + n <= (size_t)MOST_BYTES + (1 << 16));
    if (n)
        memcpy(b->data + b->n, data, n);
    b->n += n;
}

static void append_chunk(struct bytes *b, const char *name, const void *data, size_t n)
{
    uint8_t head[8], sum[4];
    memcpy(head + 4, name, 4);
    uint32_t crc = lic_crc32(lic_crc32(0, head + 4, 4), data, n);
    for (int i = 0; i < 4; i++) {
        head[i] = (uint8_t)(n >> (24 - 8 * i));
        sum[i] = (uint8_t)(crc >> (24 - 8 * i));
    }
    append(b, head, sizeof head);
    append(b, data, n);
    append(b, sum, sizeof sum);
}

/* One grey pixel behind all chunks; the piece is a name and data. */
static void make_png(struct bytes *b, const uint8_t *piece, size_t n, size_t times)
{
    static const uint8_t head[13] = {0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0};
    uint8_t pixels[32];
    uLongf packed = sizeof pixels;
    FUZZ_CHECK(compress(pixels, &packed, (const uint8_t *)"\0\7", 2) == Z_OK);
    append(b, "\x89PNG\r\n\x1a\n", 8);
    append_chunk(b, "IHDR", head, sizeof head);
    for (size_t i = 0; i < times && n >= 4; i++)
        append_chunk(b, (const char *)piece, piece + 4, n - 4);
    append_chunk(b, "IDAT", pixels, packed);
    append_chunk(b, "IEND", pixels, 0);
}

/* Eight by eight grey pixels; the piece is a marker and data. */
static void make_jpeg(struct bytes *b, const uint8_t *piece, size_t n, size_t times)
{
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    unsigned char *data = NULL;
    unsigned long bytes = 0;
    JSAMPLE row[8] = {0};
    JSAMPROW rows[1] = {row};
    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &data, &bytes);
    c.image_width = c.image_height = 8;
    c.input_components = 1;
    c.in_color_space = JCS_GRAYSCALE;
    jpeg_set_defaults(&c);
    jpeg_start_compress(&c, TRUE);
    while (c.next_scanline < c.image_height)
        jpeg_write_scanlines(&c, rows, 1);
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    append(b, data, 2);
    for (size_t i = 0; i < times && n >= 1; i++) {
        const uint8_t head[4] = {0xFF, piece[0], (uint8_t)((n + 1) >> 8), (uint8_t)(n + 1)};
        append(b, head, sizeof head);
        append(b, piece + 1, n - 1);
    }
    append(b, data + 2, bytes - 2);
    free(data);
}

/* What comes out may be larger than what came in, but not without measure. */
static void write_all(lic_picture *picture, size_t given)
{
    static const lic_picture_format formats[] = {LIC_FORMAT_PNG, LIC_FORMAT_JPEG, LIC_FORMAT_PPM};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        char *data = NULL;
        size_t bytes = 0;
        lic_error err = {0};
        FILE *file = open_memstream(&data, &bytes);
        FUZZ_CHECK(file);
        fuzz_check_error(lic_picture_write(file, formats[i], picture, &err), &err);
        fclose(file);
        FUZZ_CHECK(bytes <= ((size_t)4 << 20) + 100 * given);
        free(data);
    }
}

static void read_and_write(const struct bytes *b)
{
    lic_picture picture;
    if (fuzz_read(b->data, b->n, LIC_ALPHA_KEEP, LIC_META_ALL, &picture) == LIC_OK)
        write_all(&picture, b->n);
    lic_picture_free(&picture);
}

/* The piece, again and again, is the metadata of a .lic file, of a kind that the count chooses. */
static void unpack_and_write(struct bytes *b, const uint8_t *piece, size_t n, size_t times)
{
    const lic_read_options options = {
        FUZZ_MAX_PIXELS, LIC_META_ALL, LIC_ALPHA_KEEP, {1, 200, 30}, 0, false};
    static uint8_t pixel[1];
    lic_error err = {0};
    lic_picture picture = {0};
    for (size_t i = 0; i < times; i++)
        append(b, piece, n);
    uLongf packed = compressBound((uLong)b->n);
    uint8_t *data = malloc(packed);
    FUZZ_CHECK(data && compress(data, &packed, b->data, (uLong)b->n) == Z_OK);
    lic_chunk chunk = {.data = data, .bytes = packed, .packed = 1, .unpacked_bytes = b->n};
    memcpy(chunk.type, lic_picture_meta_chunks[times % LIC_N_META], 4);
    picture.image = (lic_image){.width = 1, .height = 1, .channels = 1, .depth = 8};
    picture.image.data = pixel;
    picture.image.stride_bytes = 1;
    const lic_status status = lic_picture_add_chunk(&picture, &chunk, &options, &err);
    fuzz_check_error(status, &err);
    if (status == LIC_OK)
        write_all(&picture, packed);
    picture.image.data = NULL;
    lic_picture_free(&picture);
    free(data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (bytes <= HEAD_BYTES)
        return 0;
    const uint8_t *piece = data + HEAD_BYTES;
    const size_t n = bytes - HEAD_BYTES < 512 ? bytes - HEAD_BYTES : 512;
    size_t times = (size_t)data[1] | (size_t)data[2] << 8;
    times = times * (n + 16) < MOST_BYTES ? times : MOST_BYTES / (n + 16);
    struct bytes b = {malloc((size_t)MOST_BYTES + (1 << 16)), 0};
    FUZZ_CHECK(b.data);
    const clock_t start = clock();
    if (data[0] % 3 == 0)
        make_png(&b, piece, n, times);
    else if (data[0] % 3 == 1)
        make_jpeg(&b, piece, n, times);
    if (data[0] % 3 == 2)
        unpack_and_write(&b, piece, n, times);
    else
        read_and_write(&b);
    FUZZ_CHECK(clock() - start < (clock_t)MOST_SECONDS * CLOCKS_PER_SEC);
    free(b.data);
    return 0;
}
