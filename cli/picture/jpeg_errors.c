/* jpeg_errors.c - see jpeg_errors.h. */
#include "cli/picture/jpeg_errors.h"

#include "cli/base/report.h"
#include "cli/picture/format.h"

#include <errno.h>
#include <string.h>

/* Sound files that cannot be read, so that nobody looks for damage. */
static lic_status unsupported(lic_guard *guard, const struct jpeg_error_mgr *e)
{
    const int kind = e->msg_parm.i[0];
    if (e->msg_code == JERR_BAD_PRECISION)
        return lic_report_fail(guard->err, LIC_ERR_UNSUPPORTED,
                               "is a JPEG with %d bits per sample; lic takes those with 8", kind);
    if (kind == 0xC3 || kind == 0xC7 || kind == 0xCB || kind == 0xCF)
        return lic_report_fail(guard->err, LIC_ERR_UNSUPPORTED,
                               "is a lossless JPEG, which cannot be read");
    return lic_report_fail(guard->err, LIC_ERR_UNSUPPORTED,
                           "is a JPEG of a kind that cannot be read (SOF 0x%02x)", (unsigned)kind);
}

static _Noreturn void on_error(j_common_ptr info)
{
    lic_guard *guard = info->client_data;
    char text[JMSG_LENGTH_MAX];
    switch (info->err->msg_code) {
    case JERR_FILE_WRITE:
        lic_guard_stop(guard, lic_report_fail(guard->err, LIC_REPORT_ERR_IO,
                                              "cannot write the JPEG file: %s", strerror(errno)));
    case JERR_OUT_OF_MEMORY:
        lic_guard_stop(guard, lic_report_fail(guard->err, LIC_ERR_MEMORY, "no memory for libjpeg"));
    case JERR_BAD_PRECISION:
    case JERR_SOF_UNSUPPORTED:
        lic_guard_stop(guard, unsupported(guard, info->err));
    default:
        info->err->format_message(info, text);
        lic_guard_fail(guard, text);
    }
}

/* Level -1 is a warning, others are traces. */
static void on_message(j_common_ptr info, int level)
{
    lic_guard *guard = info->client_data;
    char text[JMSG_LENGTH_MAX];
    if (level >= 0)
        return;
    switch (info->err->msg_code) {
    case JWRN_EXTRANEOUS_DATA: /* junk between markers: cameras do that */
    case JWRN_ADOBE_XFORM:
    case JWRN_JFIF_MAJOR:
    case JWRN_TOO_MUCH_DATA:
    case JWRN_BOGUS_ICC:
        info->err->format_message(info, text);
        lic_picture_warn(guard->picture, "JPEG: %s", text);
        return;
    default:
        on_error(info);
    }
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
