/* png_read.c - reads PNG through libpng, row by row; an interlaced picture as a whole. The list of
 * chunks is looked through before libpng sees it. */
#include "cli/base/report.h"
#include "cli/picture/format.h"
#include "cli/picture/png_reader.h"
#include "cli/picture/texts.h"

#include <stdlib.h>
#include <string.h>

enum { SALVAGE_PIECE_BYTES = 64 };

static void read_bytes(png_structp png, png_bytep out, size_t bytes)
{
    lic_png_reader *r = png_get_io_ptr(png);
    if (lic_source_read(r->source, out, bytes) != bytes)
        png_error(png, "the file ends too early");
}

/* ---- head, rows, end ---- */

/* Names of 5 bytes, zero included: chunks that libpng is to skip. */
static void skip_chunks(lic_png_reader *r, const char *names, size_t bytes)
{
    png_set_keep_unknown_chunks(r->png, PNG_HANDLE_CHUNK_NEVER, (png_const_bytep)names,
                                (int)(bytes / 5));
}

/* We read the chunks on colours ourselves. A profile is read only if it is wanted. Texts may hold
 * anything, orientation too. */
static void choose_chunks(lic_png_reader *r)
{
    static const char unwanted[] = "sPLT\0cICP\0sRGB\0gAMA\0cHRM\0pHYs\0acTL\0sBIT\0hIST\0bKGD\0"
                                   "tIME\0oFFs\0pCAL\0sCAL";
    skip_chunks(r, unwanted, sizeof unwanted);
    if (!lic_picture_wants(r->options, LIC_META_ICCP))
        skip_chunks(r, "iCCP", 5);
}

/* Of one chunk that is kept; all that are packed stay within the limit of memory, with a copy. */
static png_alloc_size_t chunk_bytes(const lic_read_options *options)
{
    const uint64_t most = LIC_PNG_CHUNK_BYTES, least = 1 << 16;
    const uint64_t share = options->max_memory / (2 * LIC_PNG_PACKED_CHUNKS);
    if (!options->max_memory || share > most)
        return (png_alloc_size_t)most;
    return (png_alloc_size_t)(share > least ? share : least);
}

static void read_head(lic_png_reader *r)
{
    png_structp png = r->png;
    png_set_read_fn(png, r, read_bytes);
    png_set_user_limits(png, 0x7FFFFFFF, 0x7FFFFFFF); /* ours, below, name the sizes */
    png_set_chunk_malloc_max(png, chunk_bytes(r->options));
    png_set_chunk_cache_max(png, r->packed_texts > LIC_PNG_PACKED_CHUNKS ? LIC_PNG_PACKED_CHUNKS
                                                                         : LIC_TEXTS_MOST_NUMBER);
    if (r->options->salvage) /* what libpng asks for past the end is lost as a whole */
        png_set_compression_buffer_size(png, SALVAGE_PIECE_BYTES);
    choose_chunks(r);
    png_read_info(png, r->info);
}

/* Memory for an interlaced picture, which is complete only at the end of the file; else 0. */
static uint64_t whole_bytes(const lic_png_reader *r)
{
    const uint64_t row_bytes = png_get_rowbytes(r->png, r->info);
    return r->passes > 1 ? row_bytes * png_get_image_height(r->png, r->info) : 0;
}

static void read_whole(lic_png_reader *r)
{
    const size_t row_bytes = png_get_rowbytes(r->png, r->info);
    const uint32_t height = png_get_image_height(r->png, r->info);
    r->whole = height <= SIZE_MAX / row_bytes ? malloc(height * row_bytes) : NULL;
    if (!r->whole)
        lic_guard_stop(&r->guard, lic_report_fail(r->guard.err, LIC_ERR_MEMORY,
                                                  "no memory for an interlaced PNG"));
    /* When salvaging, pixels of the passes that are there replace those that are not. */
    const bool blocks = r->options->salvage;
    memset(r->whole, 0x80, height * row_bytes);
    for (int pass = 0; pass < r->passes; pass++)
        for (uint32_t y = 0; y < height; y++) {
            uint8_t *row = r->whole + y * row_bytes;
            png_read_row(r->png, blocks ? NULL : row, blocks ? row : NULL);
        }
}

static void open_all(void *job)
{
    lic_png_reader *r = job;
    const png_structp png = r->png = lic_png_create(&r->guard, false);
    const png_infop info = r->info = lic_png_create_info(&r->guard, png);
    lic_png_list_chunks(r);
    read_head(r);
    /* png_read_update_info() makes libpng clear a whole row. */
    lic_status status =
        lic_picture_set_shape(r->guard.picture, png_get_image_width(png, info),
                              png_get_image_height(png, info), 1, 8, r->options, r->guard.err);
    if (status != LIC_OK)
        lic_guard_stop(&r->guard, status);
    /* Palette and 1, 2, 4 bits become 8 bits; a transparent colour becomes an alpha channel. */
    png_set_expand(png);
    lic_png_native_order(png);
    r->passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);
    r->guard.picture->image.channels = png_get_channels(png, info);
    r->guard.picture->image.depth = png_get_bit_depth(png, info);
    status =
        lic_picture_check_memory("an interlaced PNG", whole_bytes(r), r->options, r->guard.err);
    if (status != LIC_OK)
        lic_guard_stop(&r->guard, status);
}

static void read_row(void *job)
{
    lic_png_reader *r = job;
    if (r->passes > 1 && !r->whole)
        read_whole(r);
    if (r->whole) {
        const size_t bytes = png_get_rowbytes(r->png, r->info);
        memcpy(r->row, r->whole + r->next_row++ * bytes, bytes);
    } else {
        png_read_row(r->png, r->row, NULL);
    }
}

static void read_end(void *job)
{
    lic_png_reader *r = job;
    png_read_end(r->png, r->info);
    lic_png_keep_metadata(r);
}

static void read_metadata(void *job)
{
    lic_png_keep_metadata(job);
}

/* ---- for reader.c ---- */

static void close_reader(void *state)
{
    lic_png_reader *r = state;
    if (!r)
        return;
    png_destroy_read_struct(&r->png, &r->info, NULL);
    free(r->whole);
    free(r->profile);
    free(r);
}

static lic_status open_reader(lic_source *source, const lic_read_options *options,
                              lic_picture *picture, void **state, uint64_t *memory, lic_error *err)
{
    lic_png_reader *r = calloc(1, sizeof *r);
    *state = r;
    if (!r)
        return lic_report_fail(err, LIC_ERR_MEMORY, "no memory for libpng");
    r->guard = (lic_guard){.picture = picture, .doing = "damaged PNG", .on_error = LIC_ERR_CORRUPT};
    r->source = source;
    r->options = options;
    const lic_status status = lic_guard_run(&r->guard, open_all, r, err);
    *memory = status == LIC_OK ? whole_bytes(r) : 0;
    return status;
}

static lic_status next_row(void *state, void *row, lic_error *err)
{
    lic_png_reader *r = state;
    const bool had_whole = r->whole;
    r->row = row;
    const lic_status status = lic_guard_run(&r->guard, read_row, r, err);
    if (status != LIC_ERR_CORRUPT || !r->options->salvage || had_whole || !r->whole)
        return status;
    /* An interlaced picture that was cut short has a part of every row. */
    lic_picture_damaged(r->guard.picture, err->text);
    r->guard.status = LIC_OK;
    return lic_guard_run(&r->guard, read_row, r, err);
}

static lic_status end_reader(void *state, lic_error *err)
{
    lic_png_reader *r = state;
    return lic_guard_run(&r->guard, read_end, r, err);
}

/* libpng cannot go on, but what it has read is there. */
static lic_status salvage(void *state, lic_error *err)
{
    lic_png_reader *r = state;
    r->guard.status = LIC_OK;
    return lic_guard_run(&r->guard, read_metadata, r, err);
}

static bool is_png(const uint8_t *head, size_t bytes)
{
    return bytes >= 8 && png_sig_cmp(head, 0, 8) == 0;
}

const lic_reader_format lic_png_reader_format = {is_png,     open_reader,  next_row,
                                                 end_reader, close_reader, salvage};
