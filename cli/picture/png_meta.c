/* png_meta.c - the metadata of a PNG: what has its own chunk, and what programs put into texts
 * before there was one. */
#include "cli/base/report.h"
#include "cli/picture/format.h"
#include "cli/picture/iptc.h"
#include "cli/picture/png_reader.h"
#include "cli/picture/texts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void lic_png_keep(lic_png_reader *r, lic_meta kind, const void *data, size_t bytes)
{
    if (lic_picture_is_filling(bytes, r->source->bytes)) {
        lic_picture_warn(r->guard.picture, "%s is left out: it unpacks to %zu bytes",
                         lic_picture_meta_names[kind], bytes);
        return;
    }
    lic_status status =
        lic_picture_add_meta(r->guard.picture, kind, data, bytes, r->options, r->guard.err);
    if (status != LIC_OK)
        lic_guard_stop(&r->guard, status);
}

/* ---- profiles in texts ---- */

/* False if there is none among Photoshop's resources, which are nobody's secret. */
static bool keep_iptc(lic_png_reader *r, uint8_t *data, size_t bytes)
{
    const lic_blob iptc = bytes ? lic_iptc_find(data, bytes) : (lic_blob){0};
    lic_png_keep(r, LIC_META_IPTC, iptc.data, iptc.bytes);
    return iptc.data;
}

/* The contents of a JPEG's APP1: Exif or XMP, with its head. Exif may come without. */
static bool keep_app1(lic_png_reader *r, uint8_t *data, size_t bytes)
{
    static const char exif[] = "Exif\0", xmp[] = "http://ns.adobe.com/xap/1.0/";
    if (bytes > sizeof xmp && memcmp(data, xmp, sizeof xmp) == 0)
        lic_png_keep(r, LIC_META_XMP, data + sizeof xmp, bytes - sizeof xmp);
    else if (bytes > sizeof exif && memcmp(data, exif, sizeof exif) == 0)
        lic_png_keep(r, LIC_META_EXIF, data + sizeof exif, bytes - sizeof exif);
    else
        lic_png_keep(r, LIC_META_EXIF, data, bytes);
    return true;
}

static bool keep_xmp(lic_png_reader *r, uint8_t *data, size_t bytes)
{
    lic_png_keep(r, LIC_META_XMP, data, bytes);
    return true;
}

static bool keep_icc(lic_png_reader *r, uint8_t *data, size_t bytes)
{
    lic_png_keep(r, LIC_META_ICCP, data, bytes);
    return true;
}

typedef bool (*keep_profile)(lic_png_reader *r, uint8_t *data, size_t bytes);

/* By the keyword, "Raw profile type exif" of ImageMagick and what others made of it; NULL if it is
 * none of these. */
static keep_profile profile_of(const char *keyword)
{
    static const struct {
        const char *type;
        keep_profile keep;
    } types[] = {{"exif", keep_app1}, {"APP1", keep_app1}, {"app1", keep_app1},
                 {"xmp", keep_xmp},   {"icc", keep_icc},   {"icm", keep_icc},
                 {"iptc", keep_iptc}, {"8bim", keep_iptc}};
    static const char prefix[] = LIC_RAW_PROFILE_KEYWORD;
    const size_t n = sizeof prefix - 1;
    for (size_t i = 0; i < sizeof types / sizeof *types && strncmp(keyword, prefix, n) == 0; i++)
        if (strcmp(keyword + n, types[i].type) == 0)
            return types[i].keep;
    return NULL;
}

/* Takes digits that hold metadata, not text; the options for that kind apply. False if it is a text
 * after all. */
static bool keep_raw_profile(lic_png_reader *r, const png_text *text)
{
    const keep_profile keep = profile_of(text->key);
    lic_blob blob;
    if (!keep)
        return false;
    if (!lic_raw_profile_of_digits(text->text, &blob))
        lic_guard_stop(&r->guard, lic_picture_no_meta_memory(r->guard.err));
    free(r->profile); /* of the text before */
    r->profile = blob.data;
    if (blob.data || keep == keep_iptc)
        return keep(r, blob.data, blob.bytes);
    lic_picture_warn(r->guard.picture, "PNG: text '%s' is damaged and left out", text->key);
    return true;
}

/* ---- texts ---- */

/* Keywords are Latin-1, and so is everything except iTXt. Of a text that is too long, only enough
 * is converted to show that. */
static void keep_text(lic_png_reader *r, const png_text *text)
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

static void keep_texts(lic_png_reader *r)
{
    const bool wanted = lic_picture_wants(r->options, LIC_META_TEXT);
    png_textp texts;
    int n = 0;
    png_get_text(r->png, r->info, &texts, &n);
    for (int i = 0; i < n; i++)
        if (strcmp(texts[i].key, LIC_PNG_XMP_KEYWORD) == 0)
            lic_png_keep(r, LIC_META_XMP, texts[i].text,
                         texts[i].itxt_length ? texts[i].itxt_length : texts[i].text_length);
        else if (!keep_raw_profile(r, &texts[i]) && wanted)
            keep_text(r, &texts[i]);
    if (wanted && (uint64_t)n < r->texts)
        lic_picture_warn(r->guard.picture,
                         "PNG: of %" PRIu64 " texts %d are kept; others are damaged or too many",
                         r->texts, n);
}

void lic_png_keep_metadata(lic_png_reader *r)
{
    const png_structp png = r->png;
    const png_infop info = r->info;
    png_charp name;
    png_bytep data;
    png_uint_32 bytes;
    int method;
    if (png_get_iCCP(png, info, &name, &method, &data, &bytes))
        lic_png_keep(r, LIC_META_ICCP, data, bytes);
    if (png_get_eXIf_1(png, info, &bytes, &data))
        lic_png_keep(r, LIC_META_EXIF, data, bytes);
    keep_texts(r);
    uint8_t colour[LIC_COLOUR_MAX_BYTES];
    lic_png_keep(r, LIC_META_COLOUR, colour, lic_colour_pack(&r->colour, colour));
}
