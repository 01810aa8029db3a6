/* png_write.c - writes PNG through libpng, row by row; and what png.h promises. */
#include "cli/base/report.h"
#include "cli/picture/colour.h"
#include "cli/picture/iptc.h"
#include "cli/picture/png.h"
#include "cli/picture/png_pack.h"
#include "cli/picture/texts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- shared ---- */

static _Noreturn void on_error(png_structp png, png_const_charp text)
{
    lic_format_library_failed(png_get_error_ptr(png), text);
}

static void on_warning(png_structp png, png_const_charp text)
{
    const lic_format_state *state = png_get_error_ptr(png);
    lic_picture_warn(state->picture, "PNG: %s", text);
}

/* If memory is short, libpng leaves metadata out with a warning. */
static png_voidp take(png_structp png, png_alloc_size_t bytes)
{
    lic_format_state *state = png_get_mem_ptr(png);
    void *block = malloc(bytes);
    state->no_memory = state->no_memory || !block;
    return block;
}

static void give_back(png_structp png, png_voidp block)
{
    (void)png;
    free(block);
}

png_structp lic_png_create(lic_format_state *state, bool writing)
{
    png_structp png = writing ? png_create_write_struct_2(PNG_LIBPNG_VER_STRING, state, on_error,
                                                          on_warning, state, take, give_back)
                              : png_create_read_struct_2(PNG_LIBPNG_VER_STRING, state, on_error,
                                                         on_warning, state, take, give_back);
    if (!png)
        lic_format_library_failed(state, "libpng cannot be used");
    return png;
}

png_infop lic_png_create_info(lic_format_state *state, png_structp png)
{
    png_infop info = png_create_info_struct(png);
    if (!info)
        lic_format_library_failed(state, "libpng cannot be used");
    return info;
}

void lic_png_native_order(png_structp png)
{
    const uint16_t one = 1;
    if (*(const uint8_t *)&one)
        png_set_swap(png);
}

/* ---- the writer ---- */

struct png_writer {
    lic_format_state base;
    png_structp png;
    png_infop info;
    lic_png_pack *pack; /* from the first row on */
    uint32_t n_rows;    /* so far */
    png_text *texts; /* all at once, as libpng copies its list in each call */
    int n_texts;
};

static void write_bytes(png_structp png, png_bytep data, size_t bytes)
{
    struct png_writer *w = png_get_io_ptr(png);
    if (fwrite(data, 1, bytes, w->base.file) != bytes)
        lic_format_fail(&w->base, LIC_REPORT_ERR_IO, "cannot write the PNG file: %s",
                        strerror(errno));
}

static void flush_bytes(png_structp png)
{
    (void)png; /* whoever opened the file flushes it */
}

/* ---- metadata ---- */

/* Texts of this many bytes or more are compressed. */
enum { LONG_TEXT = 1024, MAX_KEYWORD = 79 };

/* Takes both strings, by malloc; NULL: there was no memory. */
static void add_text(struct png_writer *w, char *keyword, char *text, const lic_text *international)
{
    const size_t n = (size_t)w->n_texts;
    png_text *grown = w->texts;
    if ((n & (n - 1)) == 0) /* full at each power of two */
        grown = realloc(w->texts, (n ? 2 * n : 1) * sizeof *grown);
    if (!keyword || !text || !grown) {
        w->texts = grown ? grown : w->texts;
        free(keyword);
        free(text);
        lic_format_stop(&w->base, lic_picture_no_meta_memory(w->base.err));
    }
    w->texts = grown;
    const bool is_long = strlen(text) >= LONG_TEXT;
    png_text *entry = &w->texts[w->n_texts++];
    *entry = (png_text){.key = keyword, .text = text};
    if (international) {
        entry->compression = is_long ? PNG_ITXT_COMPRESSION_zTXt : PNG_ITXT_COMPRESSION_NONE;
        entry->lang = (char *)(uintptr_t)international->language; /* libpng copies them */
        entry->lang_key = (char *)(uintptr_t)international->translated;
    } else {
        entry->compression = is_long ? PNG_TEXT_COMPRESSION_zTXt : PNG_TEXT_COMPRESSION_NONE;
    }
}

static void free_texts(struct png_writer *w)
{
    for (int i = 0; i < w->n_texts; i++) {
        free(w->texts[i].key);
        free(w->texts[i].text);
    }
    free(w->texts);
}

static void add_iptc(struct png_writer *w, const lic_blob *iptc)
{
    const lic_blob resources = lic_iptc_wrap(iptc);
    char *digits = resources.data ? lic_iptc_digits(&resources) : NULL;
    free(resources.data);
    add_text(w, strdup(LIC_IPTC_KEYWORD), digits, NULL);
}

/* The PNG specification, 11.3.3.1; libpng refuses the whole file otherwise. */
static bool is_keyword(const char *latin1)
{
    const size_t n = strlen(latin1);
    for (size_t i = 0; i < n; i++) {
        const unsigned c = (unsigned char)latin1[i];
        const bool space = c == ' ' && i > 0 && i + 1 < n && latin1[i - 1] != ' ';
        if (!space && !(c > 32 && c < 127) && c < 161)
            return false;
    }
    return n >= 1 && n <= MAX_KEYWORD;
}

/* tEXt or zTXt if all characters are Latin-1 and there is no language, else iTXt. */
static void add_texts(struct png_writer *w, const lic_blob *texts)
{
    lic_text text;
    for (size_t at = 0; lic_texts_next(texts, &at, &text);) {
        char *keyword = strdup(text.keyword), *copy = strdup(text.text);
        if (keyword && (!lic_latin1_of_utf8(keyword) || !is_keyword(keyword))) {
            lic_picture_warn(w->base.picture, "text '%.40s' is left out: PNG has no such keywords",
                             text.keyword);
            free(keyword);
            free(copy);
            continue;
        }
        const bool plain = !text.language[0] && !text.translated[0];
        const bool latin1 = plain && copy && lic_latin1_of_utf8(copy);
        add_text(w, keyword, copy, latin1 ? NULL : &text);
    }
}

static void set_metadata(struct png_writer *w)
{
    const png_structp png = w->png;
    const png_infop info = w->info;
    lic_blob *meta = w->base.picture->meta;
    if (meta[LIC_META_ICCP].data)
        png_set_iCCP(png, info, "ICC profile", PNG_COMPRESSION_TYPE_BASE, meta[LIC_META_ICCP].data,
                     (png_uint_32)meta[LIC_META_ICCP].bytes);
    if (meta[LIC_META_EXIF].data)
        png_set_eXIf_1(png, info, (png_uint_32)meta[LIC_META_EXIF].bytes, meta[LIC_META_EXIF].data);
    if (meta[LIC_META_XMP].data) {
        png_text text = {.compression = PNG_ITXT_COMPRESSION_NONE,
                         .key = (char[]){LIC_PNG_XMP_KEYWORD},
                         .text = (char *)meta[LIC_META_XMP].data,
                         .lang = (char[]){""},
                         .lang_key = (char[]){""}};
        png_set_text(png, info, &text, 1);
    }
    if (meta[LIC_META_IPTC].data)
        add_iptc(w, &meta[LIC_META_IPTC]);
    add_texts(w, &meta[LIC_META_TEXT]);
    if (w->n_texts)
        png_set_text(png, info, w->texts, w->n_texts);
}

/* These go into the file unchanged: libpng would judge them, and does not know all. */
static void write_small(struct png_writer *w)
{
    lic_picture *picture = w->base.picture;
    const lic_blob *blob = &picture->meta[LIC_META_COLOUR];
    const lic_blob *phys = &picture->meta[LIC_META_RESOLUTION];
    lic_colour colour = {0};
    if (blob->data && !lic_colour_unpack(blob->data, blob->bytes, &colour))
        lic_picture_warn(picture, "some of what the file says of colours is not understood");
    lic_colour_complete(&colour, picture->meta[LIC_META_ICCP].data != NULL);
    for (int i = 0; i < LIC_COLOUR_N; i++)
        if (colour.has[i])
            png_write_chunk(w->png, (png_const_bytep)lic_colour_names[i], colour.data[i],
                            lic_colour_bytes[i]);
    if (phys->data && phys->bytes == LIC_PNG_PHYS_BYTES && phys->data[8] <= 1)
        png_write_chunk(w->png, (png_const_bytep) "pHYs", phys->data, phys->bytes);
}

/* ---- head, rows, end ---- */

static int colour_type(uint32_t channels)
{
    static const int types[] = {PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB,
                                PNG_COLOR_TYPE_RGB_ALPHA};
    return types[channels - 1];
}

static void write_head(void *state)
{
    struct png_writer *w = state;
    const png_structp png = w->png = lic_png_create(&w->base, true);
    const lic_image *image = &w->base.picture->image;
    w->info = lic_png_create_info(&w->base, png);
    png_set_write_fn(png, w, write_bytes, flush_bytes);
    png_set_user_limits(png, 0x7FFFFFFF, 0x7FFFFFFF);
    png_set_benign_errors(png, 1); /* a profile that libpng dislikes costs a warning */
    png_set_IHDR(png, w->info, image->width, image->height, (int)image->depth,
                 colour_type(w->base.channels), PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    set_metadata(w);
    png_write_info_before_PLTE(png, w->info);
    write_small(w);
    png_write_info(png, w->info);
}

static void write_row(void *state)
{
    struct png_writer *w = state;
    const lic_image *image = &w->base.picture->image;
    const lic_png_shape shape = {image->width, image->height, w->base.channels, image->depth};
    if (!w->pack)
        w->pack = lic_png_pack_new(&shape, w->base.threads);
    const int n = w->pack ? lic_png_pack_row(w->pack, w->base.written) : -1;
    if (n < 0)
        lic_format_fail(&w->base, LIC_ERR_MEMORY, "no memory to compress the PNG file");
    for (int i = 0; i < n; i++) {
        size_t bytes;
        const uint8_t *piece = lic_png_pack_piece(w->pack, i, &bytes);
        png_write_chunk(w->png, (png_const_bytep) "IDAT", piece, bytes);
    }
    w->n_rows++;
}

/* Not by png_write_end, which knows nothing of these pixels. What belongs to the picture was
 * written before them. */
static void write_end(void *state)
{
    struct png_writer *w = state;
    if (w->n_rows != w->base.picture->image.height)
        lic_format_fail(&w->base, LIC_ERR_ARGUMENT, "fewer rows than the picture has");
    png_write_chunk(w->png, (png_const_bytep) "IEND", NULL, 0);
}

static void close_png(void *state)
{
    struct png_writer *w = state;
    png_destroy_write_struct(&w->png, &w->info);
    lic_png_pack_free(w->pack);
    free_texts(w);
}

const lic_writer_format lic_png_writer = {.name = "PNG",
                                          .doing = "cannot write PNG",
                                          .state_bytes = sizeof(struct png_writer),
                                          .has_alpha = true,
                                          .open = write_head,
                                          .row = write_row,
                                          .end = write_end,
                                          .close = close_png};
