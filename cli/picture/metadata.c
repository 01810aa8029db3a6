/* metadata.c - decides what to keep of a picture's metadata, whatever file it comes from: what the
 * options ask for, within limits, and without promises that no longer hold. */
#include "cli/base/big_endian.h"
#include "cli/base/chunks.h"
#include "cli/base/report.h"
#include "cli/picture/format.h"
#include "cli/picture/texts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char *const lic_picture_meta_names[LIC_N_META] = {"icc",  "exif",   "xmp",       "iptc",
                                                        "text", "colour", "resolution"};
const char lic_picture_meta_chunks[LIC_N_META][5] = {"iccp", "exif", "xmp ", "iptc",
                                                     "text", "colr", "phys"};

lic_status lic_picture_no_meta_memory(lic_error *err)
{
    return lic_report_fail(err, LIC_ERR_MEMORY, "no memory for metadata");
}

static lic_status add_copy(lic_picture *picture, lic_meta kind, const void *data, size_t bytes,
                           lic_error *err)
{
    uint8_t *copy = bytes == SIZE_MAX ? NULL : malloc(bytes + 1);
    if (!copy)
        return lic_picture_no_meta_memory(err);
    memcpy(copy, data, bytes);
    copy[bytes] = 0;
    picture->meta[kind] = (lic_blob){copy, bytes};
    return LIC_OK;
}

static void drop(lic_picture *picture, lic_meta kind)
{
    free(picture->meta[kind].data);
    picture->meta[kind] = (lic_blob){0};
}

/* ---- what is kept ---- */

/* Makes EXIF that says this and nothing else. */
static lic_status add_small_exif(lic_picture *picture, uint32_t orientation, lic_error *err)
{
    lic_buffer exif;
    if (lic_exif_turn((lic_span){0}, orientation, NULL, &exif) != LIC_OK)
        return lic_picture_no_meta_memory(err);
    const lic_status status = add_copy(picture, LIC_META_EXIF, exif.data, exif.bytes, err);
    lic_buffer_free(&exif);
    return status;
}

/* Keeps only the orientation of EXIF that is not wanted. */
static lic_status add_orientation(lic_picture *picture, const void *data, size_t bytes,
                                  const lic_read_options *options, lic_error *err)
{
    const uint32_t orientation = lic_exif_orientation((lic_span){data, bytes});
    if (orientation == 1)
        return LIC_OK;
    if (!(options->metadata & LIC_META_ORIENTATION)) {
        lic_picture_warn(picture,
                         "the orientation (%" PRIu32
                         " of EXIF) is left out: the picture is seen as it is "
                         "stored, turned or mirrored",
                         orientation);
        return LIC_OK;
    }
    return add_small_exif(picture, orientation, err);
}

static const char *find(const char *text, size_t bytes, const char *word)
{
    const size_t n = strlen(word);
    for (const char *at = text; bytes - (size_t)(at - text) >= n;) {
        at = memchr(at, word[0], bytes - (size_t)(at - text) - n + 1);
        if (!at)
            return NULL;
        if (memcmp(at, word, n) == 0)
            return at;
        at++;
    }
    return NULL;
}

/* What XMP may say is in the file besides the picture, and a .lic file does not have. */
static const char *promise_of(const char *xmp, size_t bytes)
{
    static const struct {
        const char *word, *what;
    } promises[] = {
        {"http://ns.adobe.com/hdr-gain-map/", "a gain map (HDR)"},
        {"http://ns.apple.com/HDRGainMap/", "a gain map (HDR)"},
        {"MotionPhoto", "a motion photo"},
        {"MicroVideo", "a motion photo"},
        {"http://ns.google.com/photos/1.0/container/", "further pictures"},
    };
    for (size_t i = 0; i < sizeof promises / sizeof *promises; i++)
        if (find(xmp, bytes, promises[i].word))
            return promises[i].what;
    return NULL;
}

/* The colour space that the profile is for (ICC.1:2010, 7.2.6). */
static bool fits_colours(const uint8_t *profile, size_t bytes)
{
    return bytes < 20 || !memcmp(profile + 16, "RGB ", 4) || !memcmp(profile + 16, "GRAY", 4);
}

/* False if it has to go, which is said. */
static bool is_true(lic_picture *picture, lic_meta kind, const void *data, size_t bytes)
{
    const char *promise = kind == LIC_META_XMP ? promise_of(data, bytes) : NULL;
    if (promise)
        lic_picture_warn(picture, "%s is left out, and the XMP that promises it", promise);
    if (kind == LIC_META_ICCP && !fits_colours(data, bytes)) {
        lic_picture_warn(picture, "the ICC profile is for other colours (%.4s) and is left out",
                         (const char *)data + 16);
        return false;
    }
    return !promise;
}

lic_status lic_picture_add_meta(lic_picture *picture, lic_meta kind, const void *data, size_t bytes,
                                const lic_read_options *options, lic_error *err)
{
    if (picture->meta[kind].data || bytes == 0)
        return LIC_OK;
    if (kind == LIC_META_XMP && !lic_picture_wants(options, kind) && promise_of(data, bytes))
        lic_picture_warn(picture, "%s is left out", promise_of(data, bytes));
    if (!lic_picture_wants(options, kind))
        return kind == LIC_META_EXIF ? add_orientation(picture, data, bytes, options, err) : LIC_OK;
    const size_t within = kind == LIC_META_TEXT ? lic_texts_within(data, bytes) : bytes;
    if (within < bytes)
        lic_picture_warn(picture, "more than %d texts: the others are left out",
                         LIC_TEXTS_MOST_NUMBER);
    bytes = within;
    return is_true(picture, kind, data, bytes) ? add_copy(picture, kind, data, bytes, err) : LIC_OK;
}

/* ---- from a .lic file ---- */

/* What packs better than this is filling. Up to the free amount there is no limit. */
enum { MOST_RATIO = 64, FREE_BYTES = 1 << 20 };

bool lic_picture_is_filling(uint64_t unpacked_bytes, uint64_t bytes)
{
    return unpacked_bytes > FREE_BYTES && unpacked_bytes / MOST_RATIO > bytes;
}

uint64_t lic_picture_metadata_bytes(const lic_picture *picture)
{
    uint64_t bytes = 0;
    for (int i = 0; i < LIC_N_META; i++)
        bytes += picture->meta[i].bytes;
    return bytes * LIC_META_COPIES;
}

/* Checks the limit of memory, counting what is there already. */
static lic_status check_memory(const lic_picture *picture, const lic_chunk *chunk,
                               const lic_read_options *options, lic_error *err)
{
    const uint64_t bytes =
        lic_picture_metadata_bytes(picture) + (uint64_t)chunk->unpacked_bytes * LIC_META_COPIES;
    if (!options->max_memory || bytes <= options->max_memory)
        return LIC_OK;
    return lic_report_fail(err, LIC_ERR_LIMIT,
                           "metadata takes %" PRIu64 " bytes of memory, more than "
                           "--max-memory=%" PRIu64,
                           bytes, options->max_memory);
}

lic_status lic_picture_add_chunk(lic_picture *picture, const lic_chunk *chunk,
                                 const lic_read_options *options, lic_error *err)
{
    int kind = 0;
    while (kind < LIC_N_META && !lic_chunk_has_type(chunk, lic_picture_meta_chunks[kind]))
        kind++;
    if (kind == LIC_N_META || picture->meta[kind].data ||
        (kind != LIC_META_EXIF && !lic_picture_wants(options, (lic_meta)kind)))
        return LIC_OK;
    if (lic_picture_is_filling(chunk->unpacked_bytes, chunk->bytes)) {
        lic_picture_warn(picture, "%s is left out: %zu bytes of it are %zu unpacked",
                         lic_picture_meta_names[kind], chunk->bytes, chunk->unpacked_bytes);
        return LIC_OK;
    }
    lic_buffer data = {0};
    lic_status status = check_memory(picture, chunk, options, err);
    if (status == LIC_OK)
        status = lic_chunk_read(chunk, NULL, &data, err);
    if (status == LIC_OK)
        status = lic_picture_add_meta(picture, (lic_meta)kind, data.data, data.bytes, options, err);
    lic_buffer_free(&data);
    return status;
}

/* ---- for a part ---- */

uint32_t lic_picture_orientation(const lic_picture *picture)
{
    const lic_blob *exif = &picture->meta[LIC_META_EXIF];
    return lic_exif_orientation((lic_span){exif->data, exif->bytes});
}

static lic_status fit_exif(lic_picture *picture, uint32_t width, uint32_t height, lic_error *err)
{
    const lic_blob *exif = &picture->meta[LIC_META_EXIF];
    const uint32_t orientation = lic_picture_orientation(picture);
    lic_buffer fit;
    lic_status status =
        lic_exif_fit((lic_span){exif->data, exif->bytes}, width, height, NULL, &fit);
    if (status == LIC_ERR_MEMORY)
        return lic_picture_no_meta_memory(err);
    drop(picture, LIC_META_EXIF);
    if (status == LIC_OK) {
        status = add_copy(picture, LIC_META_EXIF, fit.data, fit.bytes, err);
        lic_buffer_free(&fit);
        return status;
    }
    lic_picture_warn(picture, "EXIF is left out: it is damaged, and may hold the whole picture");
    return orientation == 1 ? LIC_OK : add_small_exif(picture, orientation, err);
}

/* Replaces the digits that follow a name, as an attribute or an element. The size of a part never
 * has more digits than that of the whole. XMP has each once, or a few times. */
static void set_number(lic_blob *xmp, const char *name, uint32_t value)
{
    enum { MOST_TIMES = 4 };
    char *text = (char *)xmp->data, digits[16];
    int times = 0;
    const int n = snprintf(digits, sizeof digits, "%u", (unsigned)value);
    for (const char *found = text;
         times < MOST_TIMES && (found = find(found, xmp->bytes - (size_t)(found - text), name));
         times++) {
        char *at = text + (found - text) + strlen(name);
        at += *at == '=' ? strspn(at, "=\"'") : strspn(at, ">");
        const size_t old = strspn(at, "0123456789");
        found = at;
        if (old < (size_t)n)
            continue;
        memcpy(at, digits, (size_t)n);
        memmove(at + n, at + old, xmp->bytes - (size_t)(at + old - text) + 1);
        xmp->bytes -= old - (size_t)n;
    }
}

static void fit_xmp(lic_picture *picture, uint32_t width, uint32_t height)
{
    lic_blob *xmp = &picture->meta[LIC_META_XMP];
    if (find((const char *)xmp->data, xmp->bytes, "http://ns.adobe.com/xap/1.0/g/img/")) {
        lic_picture_warn(picture, "XMP is left out: it holds a thumbnail of the whole picture");
        drop(picture, LIC_META_XMP);
        return;
    }
    set_number(xmp, "tiff:ImageWidth", width);
    set_number(xmp, "tiff:ImageLength", height);
    set_number(xmp, "exif:PixelXDimension", width);
    set_number(xmp, "exif:PixelYDimension", height);
}

/* Data set 202 of record 2 is a preview (IIM 4.2, "ObjectData Preview Data"). */
static bool has_preview(const lic_blob *iptc)
{
    const uint8_t *at = iptc->data;
    for (size_t left = iptc->bytes; left >= 5 && at[0] == 0x1C;) {
        const size_t bytes = 5 + (size_t)lic_get_be(at + 3, 2);
        if (at[1] == 2 && at[2] == 202)
            return true;
        if (bytes > left)
            break;
        at += bytes;
        left -= bytes;
    }
    return false;
}

lic_status lic_picture_fit_metadata(lic_picture *picture, uint32_t width, uint32_t height,
                                    lic_error *err)
{
    if (picture->meta[LIC_META_IPTC].data && has_preview(&picture->meta[LIC_META_IPTC])) {
        lic_picture_warn(picture, "IPTC is left out: it holds a preview of the whole picture");
        drop(picture, LIC_META_IPTC);
    }
    if (picture->meta[LIC_META_XMP].data)
        fit_xmp(picture, width, height);
    return picture->meta[LIC_META_EXIF].data ? fit_exif(picture, width, height, err) : LIC_OK;
}
