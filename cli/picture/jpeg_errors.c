/* jpeg_errors.c - see jpeg.h. */

#include "cli/base/report.h"
#include "cli/picture/jpeg.h"

#include <errno.h>
#include <string.h>

/* Files that are sound but cannot be read; the text says so, so that nobody looks for damage. */
static _Noreturn void unsupported(lic_format_state *state, const struct jpeg_error_mgr *e)
{
    const int kind = e->msg_parm.i[0];
    if (e->msg_code == JERR_BAD_PRECISION)
        lic_format_fail(state, LIC_ERR_UNSUPPORTED,
                        "is a JPEG with %d bits per sample; lic takes those with 8", kind);
    if (kind == 0xC3 || kind == 0xC7 || kind == 0xCB || kind == 0xCF)
        lic_format_fail(state, LIC_ERR_UNSUPPORTED, "is a lossless JPEG, which cannot be read");
    lic_format_fail(state, LIC_ERR_UNSUPPORTED,
                    "is a JPEG of a kind that cannot be read (SOF 0x%02x)", (unsigned)kind);
}

static _Noreturn void on_error(j_common_ptr info)
{
    lic_format_state *state = info->client_data;
    char text[JMSG_LENGTH_MAX];
    switch (info->err->msg_code) {
    case JERR_FILE_WRITE:
        lic_format_fail(state, LIC_REPORT_ERR_IO, "cannot write the JPEG file: %s",
                        strerror(errno));
    case JERR_OUT_OF_MEMORY:
        lic_format_fail(state, LIC_ERR_MEMORY, "no memory for libjpeg");
    case JERR_BAD_PRECISION:
    case JERR_SOF_UNSUPPORTED:
        unsupported(state, info->err);
    default:
        info->err->format_message(info, text);
        lic_format_library_failed(state, text);
    }
}

/* All warnings of libjpeg-turbo, each with the reason for its class. */
const lic_jpeg_warning lic_jpeg_warnings[] = {
    /* The marker's number is unknown; libjpeg goes on as if it were the usual one. */
    {JWRN_ADOBE_XFORM, LIC_JPEG_HARMLESS, "Adobe color transform", NULL},
    /* About the profile, which is left out. */
    {JWRN_BOGUS_ICC, LIC_JPEG_HARMLESS, "ICC", "the ICC profile is damaged and left out"},
    /* Junk between markers, as cameras write it. Leftovers of a damaged scan are reported too. */
    {JWRN_EXTRANEOUS_DATA, LIC_JPEG_HARMLESS, "extraneous bytes", NULL},
    /* A later revision of JFIF, whose segment has nothing to do with the pixels. */
    {JWRN_JFIF_MAJOR, LIC_JPEG_HARMLESS, "JFIF revision", NULL},
    /* Ss, Se, Ah, Al of a sequential scan: some phones write zeros, and nothing depends on them. */
    {JWRN_NOT_SEQUENTIAL, LIC_JPEG_HARMLESS, "Invalid SOS parameters", NULL},
    /* A scan refines bits that no scan has sent: libjpeg's picture is a guess. */
    {JWRN_BOGUS_PROGRESSION, LIC_JPEG_SALVAGE, "Inconsistent progression", NULL},
    /* Codes that mean nothing; libjpeg takes zeros for them. */
    {JWRN_HUFF_BAD_CODE, LIC_JPEG_SALVAGE, "bad Huffman code", NULL},
    {JWRN_ARITH_BAD_CODE, LIC_JPEG_SALVAGE, "bad arithmetic code", NULL},
    /* The code, or the file, ends before the blocks do; the rest is painted grey. */
    {JWRN_HIT_MARKER, LIC_JPEG_SALVAGE, "premature end of data segment", NULL},
    {JWRN_JPEG_EOF, LIC_JPEG_SALVAGE, "Premature end of JPEG file", NULL},
    /* A restart marker is missing or is another one: blocks are lost between the two. */
    {JWRN_MUST_RESYNC, LIC_JPEG_SALVAGE, "instead of RST", NULL},
    /* A warning of the compressor, and so a fault of ours. */
    {JWRN_TOO_MUCH_DATA, LIC_JPEG_FATAL, "too many scanlines", NULL},
    {0, LIC_JPEG_FATAL, NULL, NULL}};

static const lic_jpeg_warning *find(int code)
{
    const lic_jpeg_warning *w = lic_jpeg_warnings;
    while (w->says && w->code != code)
        w++;
    return w;
}

/* Level -1 is a warning, others are traces. */
static void on_message(j_common_ptr info, int level)
{
    const lic_format_state *state = info->client_data;
    const bool salvage = state->options && state->options->salvage;
    char text[JMSG_LENGTH_MAX];
    if (level >= 0)
        return;
    const lic_jpeg_warning *w = find(info->err->msg_code);
    if (w->loss == LIC_JPEG_FATAL || (w->loss == LIC_JPEG_SALVAGE && !salvage))
        on_error(info);
    info->err->format_message(info, text);
    if (w->loss == LIC_JPEG_SALVAGE)
        lic_picture_damaged(state->picture, text);
    else
        lic_picture_warn(state->picture, "JPEG: %s", w->told ? w->told : text);
}

static void on_output(j_common_ptr info)
{
    (void)info;
}

struct jpeg_error_mgr *lic_jpeg_errors(struct jpeg_error_mgr *errors)
{
    jpeg_std_error(errors);
    errors->error_exit = on_error;
    errors->emit_message = on_message;
    errors->output_message = on_output;
    return errors;
}
