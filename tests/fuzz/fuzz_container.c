/* fuzz_container.c - the head of a .lic file and its metadata: lic_probe as the bytes are, again
 * with the checksum made right, and lic_chunk_read of every chunk. A file that is accepted must
 * come out of the writer with the same head. Then metadata and alpha go, as decoding does it, with
 * a black picture into files of all formats, which our own readers must take. */
#include "cli/package/desktop/view.h"
#include "codec/container.h"
#include "tests/fuzz/fuzz_image.h"

enum { MAX_PIXELS = 64 * 64 };

static lic_status probe(const uint8_t *data, size_t bytes, lic_info *info)
{
    lic_error err = {0};
    const lic_status status = lic_probe(data, bytes, info, &err);
    fuzz_check_error(status, &err);
    return status;
}

static void check_inside(const uint8_t *data, size_t bytes, const lic_chunk *chunk)
{
    FUZZ_CHECK(chunk->data >= data && chunk->data + chunk->bytes <= data + bytes);
}

/* Unpacks all chunks, within what their sizes promise. */
static void read_chunks(const uint8_t *data, size_t bytes, const lic_info *info, fuzz_cost *cost)
{
    const lic_allocator allocator = {fuzz_alloc, fuzz_free, cost};
    lic_options options;
    lic_options_init(&options);
    options.allocator = &allocator;
    FUZZ_CHECK(info->n_chunks <= LIC_MAX_CHUNKS);
    for (size_t i = 0; i < info->n_chunks; i++) {
        lic_buffer out = {0};
        lic_error err = {0};
        check_inside(data, bytes, &info->chunks[i]);
        const lic_status status = lic_chunk_read(&info->chunks[i], &options, &out, &err);
        fuzz_check_error(status, &err);
        FUZZ_CHECK(status == LIC_OK || !out.data);
        lic_buffer_free(&out);
    }
}

/* Without chunks a head has one spelling: the writer gives the same bytes. */
static void write_again(const uint8_t *data, size_t bytes)
{
    lic_chunk chunks[LIC_MAX_CHUNKS];
    lic_container c;
    lic_buffer out = {0};
    lic_error err = {0};
    FUZZ_CHECK(lic_container_read(data, bytes, chunks, &c, &err) == LIC_OK);
    if (c.n_chunks || c.version == 2) /* which is not written */
        return;
    FUZZ_CHECK(lic_container_write(&c, NULL, &out, &err) == LIC_OK);
    FUZZ_CHECK(out.bytes == bytes && !memcmp(out.data, data, bytes));
    lic_buffer_free(&out);
}

/* Picture and options that the bytes ask for; false: too large, or a chunk cannot be unpacked. */
static bool describe(const lic_info *info, const uint8_t *control, lic_picture *picture)
{
    const lic_read_options keep = {.metadata = LIC_META_ALL};
    lic_status status = LIC_OK;
    const uint32_t channels = info->channels + (info->has_alpha != 0);
    picture->image = (lic_image){.stride_bytes = (size_t)info->width * channels * 2,
                                 .width = info->width,
                                 .height = info->height,
                                 .channels = channels,
                                 .depth = control[1] & 1 ? 24 - info->depth : info->depth};
    for (size_t i = 0; i < info->n_chunks && status == LIC_OK; i++) {
        lic_error err = {0};
        status = lic_picture_add_chunk(picture, &info->chunks[i], &keep, &err);
        fuzz_check_error(status, &err);
    }
    return status == LIC_OK;
}

/* Whatever is in the chunks gives a file. */
static void write_picture(lic_picture *picture, lic_picture_format format, lic_alpha alpha)
{
    const lic_read_options options = {.alpha = alpha, .background = {9, 99, 199}};
    const size_t stride = picture->image.stride_bytes;
    uint8_t *rows = calloc(picture->image.height, stride);
    char *data = NULL;
    size_t bytes = 0;
    lic_writer *writer = NULL;
    lic_error err = {0};
    FILE *file = open_memstream(&data, &bytes);
    FUZZ_CHECK(file && rows);
    lic_status status = lic_writer_open(file, format, picture, &options, &writer, &err);
    if (status == LIC_OK)
        status = lic_writer_rows(writer, picture->image.height, rows, stride, &err);
    if (status == LIC_OK)
        status = lic_writer_end(writer, &err);
    lic_writer_close(writer);
    fclose(file);
    fuzz_check_error(status, &err);
    lic_picture again = {0};
    if (status == LIC_OK)
        FUZZ_CHECK(fuzz_read((uint8_t *)data, bytes, LIC_ALPHA_KEEP, LIC_META_ALL, &again) ==
                   LIC_OK);
    lic_picture_free(&again);
    free(data);
    free(rows);
}

static void write_pictures(const lic_info *info, const uint8_t *control)
{
    lic_picture picture = {0};
    const lic_alpha alpha = (lic_alpha)(control[0] % 4);
    if ((uint64_t)info->width * info->height <= MAX_PIXELS && describe(info, control, &picture))
        for (int format = LIC_FORMAT_PNG; format <= LIC_FORMAT_PPM; format++)
            if (format != LIC_FORMAT_JPEG || picture.image.depth == 8)
                write_picture(&picture, (lic_picture_format)format, alpha);
    lic_picture_free(&picture);
}

/* What a desktop looks at before it decodes: orientation in EXIF, profile, alpha. */
static void view(const uint8_t *data, size_t bytes)
{
    lic_view view;
    lic_error err = {0};
    const lic_status status = lic_view_open(&view, &lic_view_of_thumbnail, data, bytes, &err);
    fuzz_check_error(status, &err);
    FUZZ_CHECK(status == LIC_OK || status == LIC_ERR_LIMIT);
    FUZZ_CHECK(view.orientation >= 1 && view.orientation <= 8);
    lic_view_close(&view);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    uint8_t *copy = fuzz_copy(data, bytes), control[4];
    fuzz_cost cost = fuzz_cost_begin();
    lic_info info;
    probe(copy, bytes, &info);
    fuzz_lic_seal(copy, bytes, control);
    if (probe(copy, bytes, &info) == LIC_OK) {
        FUZZ_CHECK(info.width && info.height && info.latent_bytes <= bytes);
        read_chunks(copy, bytes, &info, &cost);
        write_again(copy, bytes);
        write_pictures(&info, control);
        view(copy, bytes);
    }
    fuzz_cost_check(&cost, bytes);
    free(copy);
    return 0;
}
