/* png_read.c - reads PNG through libpng, row by row; an interlaced picture as a whole. The list of
 * chunks is looked through before libpng sees it. */
#include "cli/base/report.h"
#include "cli/picture/colour.h"
#include "cli/picture/format.h"
#include "cli/picture/iptc.h"
#include "cli/picture/png_errors.h"
#include "cli/picture/texts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* What a compressed chunk (ICC profile, XMP, text) may grow to, a thousandfold, and how many libpng
 * may keep if they are compressed: the product bounds the memory that a small file can take. */
enum { MAX_CHUNK_BYTES = 16 << 20, MAX_CHUNKS = 16 };

enum { SIGNATURE_BYTES = 8, CHUNK_EXTRA_BYTES = 12, PHYS_BYTES = 9 };

struct png_reader {
    lic_guard guard;
    png_structp png;
    png_infop info;
    lic_source *source;
    const lic_read_options *options;
    lic_colour colour;
    uint64_t texts, packed_texts; /* so many are in the file; the second may be compressed */
    int passes;
    uint8_t *whole; /* of an interlaced picture, once it is read */
    uint32_t next_row;
    void *row; /* the one wanted */
};

static void read_bytes(png_structp png, png_bytep out, size_t bytes)
{
    struct png_reader *r = png_get_io_ptr(png);
    if (lic_source_read(r->source, out, bytes) != bytes)
        png_error(png, "the file ends too early");
}

static void keep(struct png_reader *r, lic_meta kind, const void *data, size_t bytes)
{
    lic_status status =
        lic_picture_add_meta(r->guard.picture, kind, data, bytes, r->options, r->guard.err);
    if (status != LIC_OK)
        lic_guard_stop(&r->guard, status);
}

/* ---- the list of chunks ---- */

/* The data of a short chunk, which follows its name; false if its checksum is wrong. */
static bool read_small(struct png_reader *r, const uint8_t *name, uint8_t *data, size_t bytes)
{
    uint8_t sum[4];
    if (lic_source_read(r->source, data, bytes) != bytes || lic_source_read(r->source, sum, 4) != 4)
        return false;
    const uLong crc = crc32(crc32(0, name, 4), data, (uInt)bytes);
    return png_get_uint_32(sum) == (png_uint_32)crc;
}

static bool is(const uint8_t *name, const char *wanted)
{
    return memcmp(name, wanted, 4) == 0;
}

/* What libpng would change or does not know. Behind the pixels these chunks have no meaning. */
static void look_at(struct png_reader *r, const uint8_t *name, size_t bytes)
{
    uint8_t data[LIC_COLOUR_MAX_PART];
    bool wanted = is(name, "pHYs") || is(name, "acTL");
    for (int i = 0; i < LIC_COLOUR_N; i++)
        wanted = wanted || is(name, lic_colour_names[i]);
    if (!wanted)
        return;
    bool ok = bytes <= sizeof data && read_small(r, name, data, bytes);
    if (ok && is(name, "acTL"))
        ok = bytes == 8;
    else if (ok && is(name, "pHYs"))
        ok = bytes == PHYS_BYTES && data[8] <= 1;
    else if (ok)
        ok = lic_colour_add(&r->colour, (const char *)name, data, bytes);
    if (!ok)
        lic_picture_warn(r->guard.picture, "PNG: %.4s is damaged and left out", (const char *)name);
    else if (is(name, "pHYs"))
        keep(r, LIC_META_RESOLUTION, data, bytes);
    else if (is(name, "acTL") && png_get_uint_32(data) > 1)
        lic_guard_stop(&r->guard, lic_report_fail(r->guard.err, LIC_ERR_UNSUPPORTED,
                                                  "is an animated PNG; lic takes single pictures"));
}

/* libpng takes the memory that a chunk's length promises before it sees that the file is shorter: a
 * hundred bytes cost gigabytes. So all chunks up to IEND must lie in the file. */
static void look_through(struct png_reader *r)
{
    lic_source *source = r->source;
    bool before_pixels = true;
    uint8_t head[8];
    for (uint64_t at = SIGNATURE_BYTES; source->bytes >= at + CHUNK_EXTRA_BYTES;) {
        source->at = at;
        if (lic_source_read(source, head, sizeof head) != sizeof head)
            break;
        const uint64_t length = png_get_uint_32(head);
        if (length > source->bytes - at - CHUNK_EXTRA_BYTES)
            break;
        if (is(head + 4, "IEND")) {
            source->at = 0;
            return;
        }
        before_pixels = before_pixels && !is(head + 4, "IDAT");
        if (before_pixels)
            look_at(r, head + 4, (size_t)length);
        const bool packed = is(head + 4, "zTXt") || is(head + 4, "iTXt");
        r->packed_texts += packed;
        r->texts += packed || is(head + 4, "tEXt");
        at += length + CHUNK_EXTRA_BYTES;
    }
    png_error(r->png, "the file ends too early");
}

/* ---- head, rows, end ---- */

static void read_head(struct png_reader *r)
{
    /* names of 5 bytes, zero included; those of colours are ours, as they stand */
    static const png_byte unwanted[] = "sPLT\0cICP\0sRGB\0gAMA\0cHRM\0pHYs\0acTL";
    static const png_byte texts[] = "tEXt\0zTXt";
    png_structp png = r->png;
    png_set_read_fn(png, r, read_bytes);
    png_set_user_limits(png, 0x7FFFFFFF, 0x7FFFFFFF); /* ours, below, name the sizes */
    png_set_chunk_malloc_max(png, MAX_CHUNK_BYTES);
    png_set_chunk_cache_max(png, r->packed_texts > MAX_CHUNKS ? MAX_CHUNKS : 0);
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, unwanted, sizeof unwanted / 5);
    if (!lic_picture_wants(r->options, LIC_META_TEXT) &&
        !lic_picture_wants(r->options, LIC_META_IPTC))
        png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, texts, sizeof texts / 5);
    png_read_info(png, r->info);
}

/* An interlaced picture is complete only at the end of the file. Else 0. */
static uint64_t whole_bytes(const struct png_reader *r)
{
    const uint64_t row_bytes = png_get_rowbytes(r->png, r->info);
    return r->passes > 1 ? row_bytes * png_get_image_height(r->png, r->info) : 0;
}

static void read_whole(struct png_reader *r)
{
    const size_t row_bytes = png_get_rowbytes(r->png, r->info);
    const uint32_t height = png_get_image_height(r->png, r->info);
    r->whole = height <= SIZE_MAX / row_bytes ? malloc(height * row_bytes) : NULL;
    if (!r->whole)
        lic_guard_stop(&r->guard, lic_report_fail(r->guard.err, LIC_ERR_MEMORY,
                                                  "no memory for an interlaced PNG"));
    for (int pass = 0; pass < r->passes; pass++)
        for (uint32_t y = 0; y < height; y++)
            png_read_row(r->png, r->whole + y * row_bytes, NULL);
}

static void open_all(void *job)
{
    struct png_reader *r = job;
    const png_structp png = r->png = lic_png_create(&r->guard, false);
    const png_infop info = r->info = lic_png_create_info(&r->guard, png);
    look_through(r);
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
    struct png_reader *r = job;
    if (r->passes > 1 && !r->whole)
        read_whole(r);
    if (r->whole) {
        const size_t bytes = png_get_rowbytes(r->png, r->info);
        memcpy(r->row, r->whole + r->next_row++ * bytes, bytes);
    } else {
        png_read_row(r->png, r->row, NULL);
    }
}

/* IPTC, if the text is that. */
static bool keep_iptc(struct png_reader *r, const png_text *text)
{
    if (strcmp(text->key, LIC_IPTC_KEYWORD) != 0 && strcmp(text->key, LIC_IPTC_OTHER_KEYWORD) != 0)
        return false;
    lic_blob resources, iptc = {0};
    lic_status status = LIC_OK;
    if (lic_iptc_of_digits(text->text, &resources))
        iptc = lic_iptc_find(resources.data, resources.bytes);
    else
        status = lic_picture_no_meta_memory(r->guard.err);
    if (iptc.data)
        status = lic_picture_add_meta(r->guard.picture, LIC_META_IPTC, iptc.data, iptc.bytes,
                                      r->options, r->guard.err);
    free(resources.data);
    if (status != LIC_OK)
        lic_guard_stop(&r->guard, status);
    return iptc.data != NULL;
}

/* Keywords are Latin-1, and all of what is no iTXt. Of a text that is too long by itself no more is
 * converted than shows that. */
static void keep_text(struct png_reader *r, const png_text *text)
{
    const bool international = text->compression >= PNG_ITXT_COMPRESSION_NONE;
    char *(*const convert)(const char *, size_t) =
        international ? lic_utf8_of_unknown : lic_utf8_of_latin1;
    const char *const from[] = {text->key, text->lang ? text->lang : "",
                                text->lang_key ? text->lang_key : "", text->text};
    char *to[4];
    bool ok = true;
    for (int i = 0; i < 4; i++) {
        to[i] = (i ? convert : lic_utf8_of_latin1)(from[i], strnlen(from[i], LIC_TEXTS_MOST + 1));
        ok = ok && to[i];
    }
    const lic_status status =
        ok ? lic_picture_add_text(r->guard.picture, &(lic_text){to[0], to[1], to[2], to[3]},
                                  r->options, r->guard.err)
           : lic_picture_no_meta_memory(r->guard.err);
    for (int i = 0; i < 4; i++)
        free(to[i]);
    if (status != LIC_OK)
        lic_guard_stop(&r->guard, status);
}

static void keep_texts(struct png_reader *r)
{
    const bool wanted = lic_picture_wants(r->options, LIC_META_TEXT);
    png_textp texts;
    int n = 0;
    png_get_text(r->png, r->info, &texts, &n);
    for (int i = 0; i < n; i++)
        if (strcmp(texts[i].key, LIC_PNG_XMP_KEYWORD) == 0)
            keep(r, LIC_META_XMP, texts[i].text,
                 texts[i].itxt_length ? texts[i].itxt_length : texts[i].text_length);
        else if (!keep_iptc(r, &texts[i]) && wanted)
            keep_text(r, &texts[i]);
    if (wanted && (uint64_t)n < r->texts)
        lic_picture_warn(r->guard.picture,
                         "PNG: of %" PRIu64 " texts %d are kept; others are damaged or too many",
                         r->texts, n);
}

static void read_metadata(struct png_reader *r)
{
    const png_structp png = r->png;
    const png_infop info = r->info;
    png_charp name;
    png_bytep data;
    png_uint_32 bytes;
    int method;
    if (png_get_iCCP(png, info, &name, &method, &data, &bytes))
        keep(r, LIC_META_ICCP, data, bytes);
    if (png_get_eXIf_1(png, info, &bytes, &data))
        keep(r, LIC_META_EXIF, data, bytes);
    keep_texts(r);
    uint8_t colour[LIC_COLOUR_MAX_BYTES];
    keep(r, LIC_META_COLOUR, colour, lic_colour_pack(&r->colour, colour));
}

static void read_end(void *job)
{
    struct png_reader *r = job;
    png_read_end(r->png, r->info);
    read_metadata(r);
}

/* ---- for reader.c ---- */

static void close_reader(void *state)
{
    struct png_reader *r = state;
    if (!r)
        return;
    png_destroy_read_struct(&r->png, &r->info, NULL);
    free(r->whole);
    free(r);
}

static lic_status open_reader(lic_source *source, const lic_read_options *options,
                              lic_picture *picture, void **state, uint64_t *memory, lic_error *err)
{
    struct png_reader *r = calloc(1, sizeof *r);
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
    struct png_reader *r = state;
    r->row = row;
    return lic_guard_run(&r->guard, read_row, r, err);
}

static lic_status end_reader(void *state, lic_error *err)
{
    struct png_reader *r = state;
    return lic_guard_run(&r->guard, read_end, r, err);
}

const lic_reader_format lic_png_reader = {open_reader, next_row, end_reader, close_reader};
