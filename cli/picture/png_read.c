/* png_read.c - reads PNG through libpng, row by row; an interlaced picture as a whole. The list of
 * chunks is looked through before libpng sees it: for what libpng would change or does not know,
 * and because libpng takes memory on a chunk's word. Metadata has chunks of its own, or is in
 * texts, where programs put it before there were such chunks. */
#include "cli/base/report.h"
#include "cli/picture/colour.h"
#include "cli/picture/iptc.h"
#include "cli/picture/png.h"
#include "cli/picture/texts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { SIGNATURE_BYTES = 8, NAME_BYTES = 4, EXTRA_BYTES = 12, SALVAGE_PIECE_BYTES = 64 };

/* What a compressed chunk (ICC profile, XMP, text) may grow to, a thousandfold, and how many libpng
 * may keep if they are compressed: the product bounds the memory that a small file can take. Texts
 * that are not compressed have a limit of their number. */
enum { MOST_CHUNK_BYTES = 16 << 20, MOST_PACKED_CHUNKS = 16 };

struct png_reader {
    lic_format_state base;
    png_structp png;
    png_infop info;
    lic_colour colour;
    uint64_t texts, packed_texts; /* in the file; of them, compressed ones */
    char left_out[64];            /* names of chunks that nobody uses, for a note */
    uint8_t *profile;             /* of a text, by malloc */
    int passes;
    uint8_t *whole; /* of an interlaced picture, once it is read */
    uint32_t next_row;
};

static void keep(struct png_reader *r, lic_meta kind, const void *data, size_t bytes)
{
    lic_picture *picture = r->base.picture;
    if (lic_picture_is_filling(bytes, r->base.source->bytes))
        lic_picture_warn(picture, "%s is left out: it unpacks to %zu bytes",
                         lic_picture_meta_names[kind], bytes);
    else
        lic_format_check(&r->base, lic_picture_add_meta(picture, kind, data, bytes, r->base.options,
                                                        r->base.err));
}

/* ---- the list of chunks ---- */

static bool is(const uint8_t *name, const char *wanted)
{
    return memcmp(name, wanted, NAME_BYTES) == 0;
}

/* The data of a short chunk, which follows its name; false if its checksum is wrong. */
static bool read_small(struct png_reader *r, const uint8_t *name, uint8_t *data, size_t bytes)
{
    uint8_t sum[4];
    if (lic_source_read(r->base.source, data, bytes) != bytes ||
        lic_source_read(r->base.source, sum, 4) != 4)
        return false;
    const uLong crc = crc32(crc32(0, name, NAME_BYTES), data, (uInt)bytes);
    return png_get_uint_32(sum) == (png_uint_32)crc;
}

/* After the pixels these chunks have no meaning. */
static void look_at(struct png_reader *r, const uint8_t *name, size_t bytes)
{
    uint8_t data[LIC_COLOUR_MAX_PART];
    const bool colour = lic_colour_knows((const char *)name);
    if (!colour && !is(name, "pHYs") && !is(name, "acTL"))
        return;
    bool ok = bytes <= sizeof data && read_small(r, name, data, bytes);
    if (ok && is(name, "acTL"))
        ok = bytes == 8;
    else if (ok && is(name, "pHYs"))
        ok = bytes == LIC_PNG_PHYS_BYTES && data[8] <= 1;
    else if (ok)
        ok = lic_colour_add(&r->colour, (const char *)name, data, bytes);
    if (!ok)
        lic_picture_warn(r->base.picture, "PNG: %.4s is damaged and left out", (const char *)name);
    else if (is(name, "pHYs"))
        keep(r, LIC_META_RESOLUTION, data, bytes);
    else if (is(name, "acTL") && png_get_uint_32(data) > 1)
        lic_picture_warn(r->base.picture,
                         "is an animated PNG of %u pictures: the first one alone is taken",
                         (unsigned)png_get_uint_32(data));
}

/* Counts chunks that are not used: sBIT, tIME, bKGD, and those that only one program knows. */
static void note_name(struct png_reader *r, const uint8_t *name)
{
    static const char known[] = "IHDR PLTE tRNS IDAT IEND iCCP eXIf pHYs tEXt zTXt iTXt acTL fcTL "
                                "fdAT";
    char text[NAME_BYTES + 2] = " ";
    memcpy(text + 1, name, NAME_BYTES);
    const size_t used = strlen(r->left_out);
    if (lic_colour_knows(text + 1) || strstr(known, text + 1) || strstr(r->left_out, text) ||
        used + sizeof text > sizeof r->left_out)
        return;
    for (int i = 1; i <= NAME_BYTES; i++)
        if (!((text[i] >= 'A' && text[i] <= 'Z') || (text[i] >= 'a' && text[i] <= 'z')))
            return; /* libpng will say so */
    strcpy(r->left_out + used, text);
}

/* One chunk, whose head is read. */
static void take(struct png_reader *r, const uint8_t *name, size_t length, bool before_pixels)
{
    if (before_pixels)
        look_at(r, name, length);
    note_name(r, name);
    const bool packed = is(name, "zTXt") || is(name, "iTXt");
    r->packed_texts += packed;
    r->texts += packed || is(name, "tEXt");
}

/* All chunks up to IEND must lie in the file: libpng takes the memory that a chunk's length
 * promises before it sees that the file is shorter, and a hundred bytes cost gigabytes. If the file
 * is to be salvaged, it ends before such a chunk. */
static void list_chunks(struct png_reader *r)
{
    lic_source *source = r->base.source;
    bool before_pixels = true, complete = false;
    uint8_t head[SIGNATURE_BYTES];
    for (uint64_t at = SIGNATURE_BYTES; source->bytes >= at + EXTRA_BYTES && !complete;) {
        source->at = at;
        if (lic_source_read(source, head, sizeof head) != sizeof head)
            break;
        const uint64_t length = png_get_uint_32(head);
        before_pixels = before_pixels && !is(head + 4, "IDAT");
        if (length > source->bytes - at - EXTRA_BYTES) {
            if (!is(head + 4, "IDAT")) /* pixels are read in pieces, and may be salvaged */
                source->bytes = at;
            break;
        }
        complete = is(head + 4, "IEND");
        take(r, head + 4, (size_t)length, before_pixels);
        at += length + EXTRA_BYTES;
    }
    if (!complete && (!r->base.options->salvage || before_pixels))
        png_error(r->png, "the file ends too early");
    if (r->left_out[0])
        lic_picture_note(r->base.picture, "PNG: left out are the chunks%s", r->left_out);
    source->at = 0;
}

/* ---- profiles in texts ---- */

/* The kind of metadata that a keyword says is in digits, "Raw profile type exif" of ImageMagick and
 * what others made of it; LIC_N_META if it is none of these. */
static lic_meta profile_kind(const char *keyword)
{
    static const struct {
        const char *type;
        lic_meta kind;
    } types[] = {{"exif", LIC_META_EXIF}, {"APP1", LIC_META_EXIF}, {"app1", LIC_META_EXIF},
                 {"xmp", LIC_META_XMP},   {"icc", LIC_META_ICCP},  {"icm", LIC_META_ICCP},
                 {"iptc", LIC_META_IPTC}, {"8bim", LIC_META_IPTC}};
    static const char prefix[] = LIC_RAW_PROFILE_KEYWORD;
    const size_t n = sizeof prefix - 1;
    for (size_t i = 0; i < sizeof types / sizeof *types && strncmp(keyword, prefix, n) == 0; i++)
        if (strcmp(keyword + n, types[i].type) == 0)
            return types[i].kind;
    return LIC_N_META;
}

static bool begins(const lic_blob *blob, const char *head, size_t bytes)
{
    return blob->bytes > bytes && memcmp(blob->data, head, bytes) == 0;
}

/* What is said to be EXIF may be the contents of a JPEG's APP1, EXIF or XMP with its head; what is
 * said to be IPTC may be among Photoshop's resources. */
static lic_blob unwrap(lic_blob blob, lic_meta *kind)
{
    static const char exif[] = LIC_APP1_EXIF_HEAD, xmp[] = LIC_APP1_XMP_HEAD;
    if (*kind == LIC_META_IPTC)
        return blob.bytes ? lic_iptc_find(blob.data, blob.bytes) : blob;
    if (*kind != LIC_META_EXIF)
        return blob;
    const size_t head = begins(&blob, xmp, sizeof xmp)     ? sizeof xmp
                        : begins(&blob, exif, sizeof exif) ? sizeof exif
                                                           : 0;
    *kind = head == sizeof xmp ? LIC_META_XMP : LIC_META_EXIF;
    return (lic_blob){blob.data + head, blob.bytes - head};
}

/* Takes digits that hold metadata, not text; the options for that kind apply. False if it is a text
 * after all. */
static bool keep_raw_profile(struct png_reader *r, const png_text *text)
{
    lic_meta kind = profile_kind(text->key);
    lic_blob blob;
    if (kind == LIC_N_META)
        return false;
    if (!lic_raw_profile_of_digits(text->text, &blob))
        lic_format_stop(&r->base, lic_picture_no_meta_memory(r->base.err));
    free(r->profile); /* of the text before */
    r->profile = blob.data;
    if (!blob.data && kind != LIC_META_IPTC) {
        lic_picture_warn(r->base.picture, "PNG: text '%s' is damaged and left out", text->key);
        return true;
    }
    blob = unwrap(blob, &kind);
    keep(r, kind, blob.data, blob.bytes);
    return blob.data; /* Photoshop's resources without IPTC in them stay a text */
}

/* ---- texts ---- */

/* Keywords are Latin-1, and so is everything except iTXt. Of a text that is too long, only enough
 * is converted to show that. */
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
        ok ? lic_picture_add_text(r->base.picture, &(lic_text){to[0], to[1], to[2], to[3]},
                                  r->base.options, r->base.err)
           : lic_picture_no_meta_memory(r->base.err);
    for (int i = 0; i < 4; i++)
        free(to[i]);
    lic_format_check(&r->base, status);
}

static void keep_texts(struct png_reader *r)
{
    const bool wanted = lic_picture_wants(r->base.options, LIC_META_TEXT);
    png_textp texts;
    int n = 0;
    png_get_text(r->png, r->info, &texts, &n);
    for (int i = 0; i < n; i++)
        if (strcmp(texts[i].key, LIC_PNG_XMP_KEYWORD) == 0)
            keep(r, LIC_META_XMP, texts[i].text,
                 texts[i].itxt_length ? texts[i].itxt_length : texts[i].text_length);
        else if (!keep_raw_profile(r, &texts[i]) && wanted)
            keep_text(r, &texts[i]);
    if (wanted && (uint64_t)n < r->texts)
        lic_picture_warn(r->base.picture,
                         "PNG: of %" PRIu64 " texts %d are kept; others are damaged or too many",
                         r->texts, n);
}

/* Once libpng has read the chunks. */
static void keep_metadata(void *state)
{
    struct png_reader *r = state;
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

/* ---- head, rows, end ---- */

static void read_bytes(png_structp png, png_bytep out, size_t bytes)
{
    struct png_reader *r = png_get_io_ptr(png);
    if (lic_source_read(r->base.source, out, bytes) != bytes)
        png_error(png, "the file ends too early");
}

/* Names of 5 bytes, zero included: chunks that libpng is to skip. */
static void skip_chunks(struct png_reader *r, const char *names, size_t bytes)
{
    png_set_keep_unknown_chunks(r->png, PNG_HANDLE_CHUNK_NEVER, (png_const_bytep)names,
                                (int)(bytes / 5));
}

/* We read the chunks on colours ourselves. A profile is read only if it is wanted. Texts may hold
 * anything, orientation too. */
static void choose_chunks(struct png_reader *r)
{
    static const char unwanted[] = "sPLT\0cICP\0sRGB\0gAMA\0cHRM\0pHYs\0acTL\0sBIT\0hIST\0bKGD\0"
                                   "tIME\0oFFs\0pCAL\0sCAL";
    skip_chunks(r, unwanted, sizeof unwanted);
    if (!lic_picture_wants(r->base.options, LIC_META_ICCP))
        skip_chunks(r, "iCCP", 5);
}

/* Of one chunk that is kept; all that are packed stay within the limit of memory, with a copy. */
static png_alloc_size_t chunk_bytes(const lic_read_options *options)
{
    const uint64_t most = MOST_CHUNK_BYTES, least = 1 << 16;
    const uint64_t share = options->max_memory / (2 * MOST_PACKED_CHUNKS);
    if (!options->max_memory || share > most)
        return (png_alloc_size_t)most;
    return (png_alloc_size_t)(share > least ? share : least);
}

static void read_head(struct png_reader *r)
{
    png_structp png = r->png;
    png_set_read_fn(png, r, read_bytes);
    png_set_user_limits(png, 0x7FFFFFFF, 0x7FFFFFFF); /* ours, below, name the sizes */
    png_set_chunk_malloc_max(png, chunk_bytes(r->base.options));
    png_set_chunk_cache_max(png, r->packed_texts > MOST_PACKED_CHUNKS ? MOST_PACKED_CHUNKS
                                                                      : LIC_TEXTS_MOST_NUMBER);
    if (r->base.options->salvage) /* what libpng asks for past the end is lost as a whole */
        png_set_compression_buffer_size(png, SALVAGE_PIECE_BYTES);
    choose_chunks(r);
    png_read_info(png, r->info);
}

/* Memory for an interlaced picture, which is complete only at the end of the file; else 0. */
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
        lic_format_fail(&r->base, LIC_ERR_MEMORY, "no memory for an interlaced PNG");
    r->base.has_all_rows = true;
    /* When salvaging, pixels of the passes that are there replace those that are not. */
    const bool blocks = r->base.options->salvage;
    memset(r->whole, 0x80, height * row_bytes);
    for (int pass = 0; pass < r->passes; pass++)
        for (uint32_t y = 0; y < height; y++) {
            uint8_t *row = r->whole + y * row_bytes;
            png_read_row(r->png, blocks ? NULL : row, blocks ? row : NULL);
        }
}

static void open_png(void *state)
{
    struct png_reader *r = state;
    lic_format_state *base = &r->base;
    const png_structp png = r->png = lic_png_create(base, false);
    const png_infop info = r->info = lic_png_create_info(base, png);
    list_chunks(r);
    read_head(r);
    /* png_read_update_info() makes libpng clear a whole row. */
    lic_format_check(base, lic_picture_set_shape(base->picture, png_get_image_width(png, info),
                                                 png_get_image_height(png, info), 1, 8,
                                                 base->options, base->err));
    /* Palette and 1, 2, 4 bits become 8 bits; a transparent colour becomes an alpha channel. */
    png_set_expand(png);
    lic_png_native_order(png);
    r->passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);
    base->picture->image.channels = png_get_channels(png, info);
    base->picture->image.depth = png_get_bit_depth(png, info);
    base->memory = whole_bytes(r);
    lic_format_check(base, lic_picture_check_memory("an interlaced PNG", base->memory,
                                                    base->options, base->err));
}

static void read_row(void *state)
{
    struct png_reader *r = state;
    if (r->passes > 1 && !r->whole)
        read_whole(r);
    if (r->whole) {
        const size_t bytes = png_get_rowbytes(r->png, r->info);
        memcpy(r->base.row, r->whole + r->next_row++ * bytes, bytes);
    } else {
        png_read_row(r->png, r->base.row, NULL);
    }
}

static void read_end(void *state)
{
    struct png_reader *r = state;
    png_read_end(r->png, r->info);
    keep_metadata(r);
}

static void close_png(void *state)
{
    struct png_reader *r = state;
    png_destroy_read_struct(&r->png, &r->info, NULL);
    free(r->whole);
    free(r->profile);
}

static bool is_png(const uint8_t *head, size_t bytes)
{
    return bytes >= SIGNATURE_BYTES && png_sig_cmp(head, 0, SIGNATURE_BYTES) == 0;
}

const lic_reader_format lic_png_reader_format = {.doing = "damaged PNG",
                                                 .state_bytes = sizeof(struct png_reader),
                                                 .is = is_png,
                                                 .open = open_png,
                                                 .row = read_row,
                                                 .end = read_end,
                                                 .salvage = keep_metadata,
                                                 .close = close_png};
