/* jpeg_read.c - reads JPEG through libjpeg(-turbo), row by row. A file of several scans is decoded
 * from the coefficients of the whole picture, which libjpeg holds in memory. Before that, the
 * memory and time that a small file can ask for are bounded. */
#include "cli/base/big_endian.h"
#include "cli/base/report.h"
#include "cli/picture/iptc.h"
#include "cli/picture/jpeg.h"
#include "cli/picture/texts.h"

#include <stdlib.h>
#include <string.h>

/* A scan of a few bytes may cover the whole picture; encoders write about ten scans. */
enum { MAX_SCANS = 100 };

enum { PIECE_BYTES = 1 << 14, PHYS_BYTES = 9, DCT_BLOCK_BYTES = 64 * sizeof(JCOEF) };

struct jpeg_reader {
    lic_format_state base;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    struct jpeg_decompress_struct in;
    struct jpeg_source_mgr from;
    uint8_t piece[PIECE_BYTES];
    JOCTET *profile;
    uint8_t *resources;  /* of Photoshop */
    JSAMPLE *inks;       /* a row of CMYK, which libjpeg leaves as it is */
    bool started, ended; /* decoding has begun; the file is at its end */
};

/* ---- bytes ---- */

static void do_nothing(j_decompress_ptr in)
{
    (void)in;
}

/* Whether libjpeg itself notices missing code. It does not between scans, nor where it reads zeros
 * past the end of arithmetic code. */
static bool tells_missing_code(j_decompress_ptr in)
{
    return !in->arith_code && !jpeg_has_multiple_scans(in);
}

/* At its end a file gets the marker that libjpeg waits for. If only the marker was missing, no
 * pixel is lost: read_end tells. */
static boolean fill(j_decompress_ptr in)
{
    static const JOCTET end[2] = {0xFF, JPEG_EOI};
    struct jpeg_reader *r = in->client_data;
    const size_t bytes = lic_source_read(r->base.source, r->piece, sizeof r->piece);
    if (bytes == 0 && !r->started)
        lic_format_library_failed(&r->base, "the file ends too early");
    if (bytes == 0 && !tells_missing_code(in))
        WARNMS(in, JWRN_JPEG_EOF);
    r->ended = bytes == 0;
    r->from.next_input_byte = bytes ? r->piece : end;
    r->from.bytes_in_buffer = bytes ? bytes : sizeof end;
    return TRUE;
}

static void skip(j_decompress_ptr in, long bytes)
{
    struct jpeg_reader *r = in->client_data;
    const size_t here = r->from.bytes_in_buffer;
    if (bytes <= 0)
        return;
    if ((size_t)bytes <= here) {
        r->from.next_input_byte += bytes;
        r->from.bytes_in_buffer -= (size_t)bytes;
        return;
    }
    r->base.source->at += (uint64_t)bytes - here;
    r->from.bytes_in_buffer = 0;
}

/* ---- segments ---- */

enum { SOI = 0xD8, EOI = 0xD9, SOS = 0xDA, RST0 = 0xD0, TEM = 0x01, APP = 0xE0, COM = 0xFE };
/* What is kept of a file; cameras write tens of segments and half a megabyte. */
enum { MOST_META = 1000, MOST_META_BYTES = 1 << 24 };

struct segments {
    uint32_t n_meta;     /* APP1, APP2, APP13, COM */
    uint64_t meta_bytes; /* of these */
    bool has_pictures;   /* more pictures after this one (MPF, CIPA DC-007) */
    bool has_gain_map;   /* one of which is a gain map (ISO 21496-1) */
    bool has_claims;     /* a provenance manifest (C2PA, in APP11) */
};

/* The next marker, junk before it skipped as libjpeg does; -1 at the end. */
static int next_marker(lic_source *source)
{
    int c = lic_source_get(source);
    for (;;) {
        while (c >= 0 && c != 0xFF)
            c = lic_source_get(source);
        while (c == 0xFF)
            c = lic_source_get(source);
        if (c != 0)
            return c;
    }
}

static bool begins(const uint8_t *head, size_t bytes, const char *word, size_t n)
{
    return bytes >= n && memcmp(head, word, n) == 0;
}

static void look_at(struct segments *s, int marker, const uint8_t *head, size_t n, size_t bytes)
{
    static const char mpf[] = "MPF", gain_map[] = "urn:iso:std:iso:ts:21496:-1", claims[] = "JP";
    const bool kept = marker == APP + 1 || marker == APP + 2 || marker == APP + 13 || marker == COM;
    s->n_meta += kept;
    s->meta_bytes += kept ? bytes : 0;
    if (marker == APP + 2) {
        s->has_pictures = s->has_pictures || begins(head, n, mpf, sizeof mpf);
        s->has_gain_map = s->has_gain_map || begins(head, n, gain_map, sizeof gain_map);
    }
    if (marker == APP + 11)
        s->has_claims = s->has_claims || begins(head, n, claims, sizeof claims - 1);
}

/* The segments before the first scan, looked through before libjpeg sees them: libjpeg takes time
 * with the square of the number of those that it keeps. Damage ends the list. */
static struct segments list_segments(lic_source *source)
{
    struct segments s = {0};
    source->at = 0;
    for (int marker; (marker = next_marker(source)) >= 0 && marker != SOS && marker != EOI;) {
        uint8_t head[32];
        if (marker == SOI || marker == TEM || (marker >= RST0 && marker < SOI))
            continue;
        const int high = lic_source_get(source), low = lic_source_get(source);
        const size_t length = high < 0 || low < 0 ? 0 : (size_t)high << 8 | (size_t)low;
        if (length < 2)
            break;
        const uint64_t begin = source->at;
        const size_t bytes = length - 2, n = bytes < sizeof head ? bytes : sizeof head;
        if (lic_source_read(source, head, n) != n)
            break;
        look_at(&s, marker, head, n, bytes);
        source->at = begin + bytes;
    }
    source->at = 0;
    return s;
}

/* ---- metadata ---- */

static void keep(struct jpeg_reader *r, lic_meta kind, const void *data, size_t bytes)
{
    lic_format_check(&r->base, lic_picture_add_meta(r->base.picture, kind, data, bytes,
                                                    r->base.options, r->base.err));
}

static bool starts_with(jpeg_saved_marker_ptr marker, const char *head, size_t bytes)
{
    return marker->data_length >= bytes && memcmp(marker->data, head, bytes) == 0;
}

/* JFIF has dots per inch (1) or per centimetre (2). Encoders that know no resolution write 72 per
 * inch. */
static void keep_resolution(struct jpeg_reader *r)
{
    const struct jpeg_decompress_struct *in = &r->in;
    const uint32_t dots[2] = {in->X_density, in->Y_density};
    uint8_t phys[PHYS_BYTES] = {0};
    if (!in->saw_JFIF_marker || in->density_unit < 1 || in->density_unit > 2 || !dots[0] ||
        !dots[1] || (in->density_unit == 1 && dots[0] == 72 && dots[1] == 72))
        return;
    for (int i = 0; i < 2; i++)
        lic_put_be(phys + 4 * i,
                   in->density_unit == 1 ? (dots[i] * 10000 + 127) / 254 : dots[i] * 100, 4);
    phys[8] = 1; /* metre */
    keep(r, LIC_META_RESOLUTION, phys, sizeof phys);
}

static void keep_comment(struct jpeg_reader *r, jpeg_saved_marker_ptr m)
{
    char *text = lic_utf8_of_unknown((const char *)m->data, m->data_length);
    const lic_text comment = {LIC_TEXT_COMMENT, "", "", text};
    const lic_status status =
        !text     ? lic_picture_no_meta_memory(r->base.err)
        : text[0] ? lic_picture_add_text(r->base.picture, &comment, r->base.options, r->base.err)
                  : LIC_OK;
    free(text);
    lic_format_check(&r->base, status);
}

static bool has_resources(jpeg_saved_marker_ptr m)
{
    static const char head[] = LIC_IPTC_HEAD;
    return m->marker == JPEG_APP0 + 13 && starts_with(m, head, sizeof head);
}

/* Photoshop's image resources, which may be cut anywhere to fit into segments. */
static void keep_iptc(struct jpeg_reader *r)
{
    const size_t head = sizeof LIC_IPTC_HEAD;
    size_t bytes = 0;
    for (jpeg_saved_marker_ptr m = r->in.marker_list; m; m = m->next)
        bytes += has_resources(m) ? m->data_length - head : 0;
    if (!bytes)
        return;
    r->resources = malloc(bytes);
    if (!r->resources)
        lic_format_stop(&r->base, lic_picture_no_meta_memory(r->base.err));
    uint8_t *to = r->resources;
    for (jpeg_saved_marker_ptr m = r->in.marker_list; m; m = m->next)
        if (has_resources(m)) {
            memcpy(to, m->data + head, m->data_length - head);
            to += m->data_length - head;
        }
    const lic_blob iptc = lic_iptc_find(r->resources, bytes);
    if (iptc.data)
        keep(r, LIC_META_IPTC, iptc.data, iptc.bytes);
}

static void read_metadata(struct jpeg_reader *r)
{
    static const char exif[] = LIC_APP1_EXIF_HEAD, xmp[] = LIC_APP1_XMP_HEAD,
                      more[] = LIC_APP1_XMP_MORE_HEAD;
    unsigned bytes;
    if (lic_picture_wants(r->base.options, LIC_META_ICCP) &&
        jpeg_read_icc_profile(&r->in, &r->profile, &bytes))
        keep(r, LIC_META_ICCP, r->profile, bytes);
    for (jpeg_saved_marker_ptr m = r->in.marker_list; m; m = m->next) {
        if (m->marker == JPEG_COM)
            keep_comment(r, m);
        if (m->marker != JPEG_APP0 + 1)
            continue;
        if (starts_with(m, exif, sizeof exif))
            keep(r, LIC_META_EXIF, m->data + sizeof exif, m->data_length - sizeof exif);
        else if (starts_with(m, xmp, sizeof xmp))
            keep(r, LIC_META_XMP, m->data + sizeof xmp, m->data_length - sizeof xmp);
        else if (starts_with(m, more, sizeof more) &&
                 lic_picture_wants(r->base.options, LIC_META_XMP))
            lic_picture_warn(r->base.picture, "JPEG: extended XMP is left out");
    }
    keep_iptc(r);
    keep_resolution(r);
}

/* ---- limits of what comes in several scans ---- */

static void on_progress(j_common_ptr info)
{
    struct jpeg_reader *r = info->client_data;
    if (r->in.input_scan_number > MAX_SCANS)
        lic_format_fail(&r->base, LIC_ERR_LIMIT, "has more than %d scans", MAX_SCANS);
}

/* Huffman codes take at least a bit for each block's mean. A shorter file cannot hold the picture
 * and is refused before memory is taken. For the rest, the limit of memory decides. */
static void check_scans(struct jpeg_reader *r)
{
    const struct jpeg_decompress_struct *in = &r->in;
    uint64_t blocks = 0;
    if (!jpeg_has_multiple_scans(&r->in))
        return;
    for (int i = 0; i < in->num_components; i++)
        blocks += (uint64_t)in->comp_info[i].width_in_blocks * in->comp_info[i].height_in_blocks;
    if (!in->arith_code && r->base.source->bytes < blocks / 8)
        lic_format_fail(&r->base, LIC_ERR_CORRUPT,
                        "damaged JPEG: the file is too short for its size of %ux%u",
                        in->image_width, in->image_height);
    r->base.memory = blocks * DCT_BLOCK_BYTES; /* of the coefficients */
    lic_format_check(&r->base, lic_picture_check_memory("a JPEG of several scans", r->base.memory,
                                                        r->base.options, r->base.err));
}

/* ---- head, rows, end ---- */

/* Which segments libjpeg is to keep up to the first scan. */
static void choose_segments(struct jpeg_reader *r)
{
    lic_picture *picture = r->base.picture;
    const struct segments s = list_segments(r->base.source);
    if (s.has_gain_map)
        lic_picture_warn(picture, "JPEG: the gain map (HDR) is left out; the picture is as screens "
                                  "without HDR show it");
    else if (s.has_pictures)
        lic_picture_note(picture, "JPEG: further pictures in the file (MPF) are left out");
    if (s.has_claims)
        lic_picture_note(picture, "JPEG: content credentials (C2PA) are left out");
    if (s.n_meta > MOST_META || s.meta_bytes > MOST_META_BYTES) {
        lic_picture_warn(picture, "JPEG: metadata is left out: %u segments of %llu bytes",
                         (unsigned)s.n_meta, (unsigned long long)s.meta_bytes);
        return;
    }
    jpeg_save_markers(&r->in, JPEG_APP0 + 1, 0xFFFF);
    if (lic_picture_wants(r->base.options, LIC_META_ICCP))
        jpeg_save_markers(&r->in, JPEG_APP0 + 2, 0xFFFF);
    if (lic_picture_wants(r->base.options, LIC_META_IPTC))
        jpeg_save_markers(&r->in, JPEG_APP0 + 13, 0xFFFF);
    if (lic_picture_wants(r->base.options, LIC_META_TEXT))
        jpeg_save_markers(&r->in, JPEG_COM, 0xFFFF);
}

/* Nobody looks at what comes between scans. */
static void keep_no_more_segments(struct jpeg_reader *r)
{
    static const int markers[] = {JPEG_APP0 + 1, JPEG_APP0 + 2, JPEG_APP0 + 13, JPEG_COM};
    for (size_t i = 0; i < sizeof markers / sizeof *markers; i++)
        jpeg_save_markers(&r->in, markers[i], 0);
}

/* Grey and RGB come from libjpeg. Four inks become RGB by the plain formula below. */
static void choose_colours(struct jpeg_reader *r)
{
    struct jpeg_decompress_struct *in = &r->in;
    const int n = in->num_components;
    const bool inks =
        n == 4 && (in->jpeg_color_space == JCS_CMYK || in->jpeg_color_space == JCS_YCCK);
    if (n != 1 && n != 3 && !inks)
        lic_format_fail(&r->base, LIC_ERR_UNSUPPORTED,
                        "is a JPEG with %d components; lic takes grey, RGB and CMYK", n);
    in->out_color_space = n == 1 ? JCS_GRAYSCALE : n == 3 ? JCS_RGB : JCS_CMYK;
    if (!inks)
        return;
    lic_picture_warn(r->base.picture, "JPEG: CMYK becomes RGB by the plain formula, without a "
                                      "profile: colours are not exact");
    r->inks = malloc((size_t)in->image_width * 4);
    if (!r->inks)
        lic_format_fail(&r->base, LIC_ERR_MEMORY, "no memory for a row");
}

static void open_jpeg(void *state)
{
    struct jpeg_reader *r = state;
    struct jpeg_decompress_struct *in = &r->in;
    in->err = lic_jpeg_errors(&r->errors);
    in->client_data = r;
    jpeg_create_decompress(in);
    r->progress.progress_monitor = on_progress;
    in->progress = &r->progress;
    r->from = (struct jpeg_source_mgr){.init_source = do_nothing,
                                       .fill_input_buffer = fill,
                                       .skip_input_data = skip,
                                       .resync_to_restart = jpeg_resync_to_restart,
                                       .term_source = do_nothing};
    in->src = &r->from;
    choose_segments(r);
    jpeg_read_header(in, TRUE);
    keep_no_more_segments(r);
    lic_format_check(&r->base,
                     lic_picture_set_shape(r->base.picture, in->image_width, in->image_height,
                                           in->num_components == 1 ? 1 : 3, 8, r->base.options,
                                           r->base.err));
    choose_colours(r);
    check_scans(r);
    read_metadata(r);
}

/* The light that the inks leave: (1 - C) (1 - K), and so on. Adobe's programs, which write nearly
 * all of these files, store 255 - ink and leave a mark. */
static void mix_inks(const struct jpeg_reader *r, uint8_t *row)
{
    const JSAMPLE *ink = r->inks;
    const unsigned flip = r->in.saw_Adobe_marker ? 0 : 255;
    for (JDIMENSION x = 0; x < r->in.output_width; x++, ink += 4)
        for (int c = 0; c < 3; c++)
            *row++ = (uint8_t)(((ink[c] ^ flip) * (ink[3] ^ flip) + 127) / 255);
}

static void read_row(void *state)
{
    struct jpeg_reader *r = state;
    JSAMPROW row = r->inks ? r->inks : r->base.row;
    const bool first = !r->started;
    r->started = true;
    if (first)
        jpeg_start_decompress(&r->in); /* of several scans, all are read */
    while (jpeg_read_scanlines(&r->in, &row, 1) == 0)
        ;
    if (r->inks)
        mix_inks(r, r->base.row);
}

static void read_end(void *state)
{
    struct jpeg_reader *r = state;
    jpeg_finish_decompress(&r->in);
    if (r->ended && !r->base.picture->damage[0])
        lic_picture_warn(r->base.picture, "JPEG: the end marker is missing");
}

static void close_jpeg(void *state)
{
    struct jpeg_reader *r = state;
    jpeg_destroy_decompress(&r->in);
    free(r->profile);
    free(r->resources);
    free(r->inks);
}

static bool is_jpeg(const uint8_t *head, size_t bytes)
{
    return bytes >= 3 && memcmp(head, "\xff\xd8\xff", 3) == 0;
}

const lic_reader_format lic_jpeg_reader_format = {.doing = "damaged JPEG",
                                                  .state_bytes = sizeof(struct jpeg_reader),
                                                  .is = is_jpeg,
                                                  .open = open_jpeg,
                                                  .row = read_row,
                                                  .end = read_end,
                                                  .close = close_jpeg};
