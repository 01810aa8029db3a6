/* jpeg.c - JPEG through libjpeg(-turbo). Errors longjmp to the guard, as in png.c. libjpeg paints
 * over damage with a warning; here those warnings that mean lost pixels are errors. */
#include "cli/image_io.h"
#include "cli/report.h"

/* jpeglib.h needs stdio.h before it */
#include <stdio.h>

#include <jerror.h>
#include <jpeglib.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

enum { WRITE_QUALITY = 95 };
/* A small file can ask for any number of passes over a huge picture; encoders write about ten. */
enum { MAX_SCANS = 500 };

static const char exif_head[] = "Exif\0"; /* 6 bytes with the final zero */
static const char xmp_head[] = "http://ns.adobe.com/xap/1.0/";
static const char xmp_more_head[] = "http://ns.adobe.com/xmp/extension/";
enum { MAX_SEGMENT = 65533 };

struct jpeg_job {
    struct jpeg_error_mgr errors; /* first: libjpeg hands back a pointer to it */
    jmp_buf jump;
    struct jpeg_progress_mgr progress;
    struct jpeg_decompress_struct in;
    struct jpeg_compress_struct out;
    const uint8_t *data;
    size_t bytes;
    const lic_read_options *options;
    FILE *file;
    JOCTET *profile;
    lic_picture *picture;
    lic_error *err;
    lic_status status;
};

static struct jpeg_job *job_of(j_common_ptr info)
{
    return (struct jpeg_job *)info->client_data;
}

static _Noreturn void stop(struct jpeg_job *job, lic_status status)
{
    job->status = status;
    longjmp(job->jump, 1);
}

static _Noreturn void on_error(j_common_ptr info)
{
    struct jpeg_job *job = job_of(info);
    char text[JMSG_LENGTH_MAX];
    info->err->format_message(info, text);
    if (info->err->msg_code == JERR_FILE_WRITE)
        stop(job, lic_report_fail(job->err, LIC_REPORT_ERR_IO, "cannot write the JPEG file"));
    if (info->err->msg_code == JERR_OUT_OF_MEMORY)
        stop(job, lic_report_fail(job->err, LIC_ERR_MEMORY, "no memory for libjpeg"));
    stop(job, lic_report_fail(job->err, LIC_ERR_CORRUPT, "damaged or unsupported JPEG: %s", text));
}

/* Level -1 is a warning, others are traces. */
static void on_message(j_common_ptr info, int level)
{
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
        lic_picture_warn(job_of(info)->picture, "JPEG: %s", text);
        return;
    default:
        on_error(info);
    }
}

static void on_output(j_common_ptr info)
{
    (void)info;
}

static void on_progress(j_common_ptr info)
{
    struct jpeg_job *job = job_of(info);
    if (info->is_decompressor && job->in.input_scan_number > MAX_SCANS)
        stop(job, lic_report_fail(job->err, LIC_ERR_LIMIT, "has more than %d scans", MAX_SCANS));
}

static bool guarded(struct jpeg_job *job, void (*work)(struct jpeg_job *))
{
    if (setjmp(job->jump) != 0)
        return false;
    work(job);
    return true;
}

static struct jpeg_error_mgr *set_errors(struct jpeg_job *job)
{
    jpeg_std_error(&job->errors);
    job->errors.error_exit = on_error;
    job->errors.emit_message = on_message;
    job->errors.output_message = on_output;
    return &job->errors;
}

/* ---- reading ---- */

static void keep(struct jpeg_job *job, lic_meta kind, const void *data, size_t bytes)
{
    lic_status status =
        lic_picture_add_meta(job->picture, kind, data, bytes, job->options, job->err);
    if (status != LIC_OK)
        stop(job, status);
}

static bool starts_with(jpeg_saved_marker_ptr marker, const char *head, size_t bytes)
{
    return marker->data_length >= bytes && memcmp(marker->data, head, bytes) == 0;
}

static void read_metadata(struct jpeg_job *job)
{
    unsigned bytes;
    if (jpeg_read_icc_profile(&job->in, &job->profile, &bytes))
        keep(job, LIC_META_ICCP, job->profile, bytes);
    for (jpeg_saved_marker_ptr m = job->in.marker_list; m; m = m->next) {
        if (m->marker != JPEG_APP0 + 1)
            continue;
        if (starts_with(m, exif_head, sizeof exif_head))
            keep(job, LIC_META_EXIF, m->data + sizeof exif_head, m->data_length - sizeof exif_head);
        else if (starts_with(m, xmp_head, sizeof xmp_head))
            keep(job, LIC_META_XMP, m->data + sizeof xmp_head, m->data_length - sizeof xmp_head);
        else if (starts_with(m, xmp_more_head, sizeof xmp_more_head))
            lic_picture_warn(job->picture, "JPEG: extended XMP is left out");
    }
}

static void read_rows(struct jpeg_job *job)
{
    const lic_image *image = &job->picture->image;
    while (job->in.output_scanline < job->in.output_height) {
        JSAMPROW row = (JSAMPROW)image->data + job->in.output_scanline * image->stride_bytes;
        jpeg_read_scanlines(&job->in, &row, 1);
    }
}

static void read_all(struct jpeg_job *job)
{
    jpeg_create_decompress(&job->in);
    job->in.progress = &job->progress;
    jpeg_mem_src(&job->in, job->data, job->bytes);
    jpeg_save_markers(&job->in, JPEG_APP0 + 1, 0xFFFF);
    jpeg_save_markers(&job->in, JPEG_APP0 + 2, 0xFFFF);
    jpeg_read_header(&job->in, TRUE);
    if (job->in.num_components != 1 && job->in.num_components != 3)
        stop(job, lic_report_fail(job->err, LIC_ERR_UNSUPPORTED,
                                  "is a JPEG with %d components (CMYK?); lic takes grey and RGB",
                                  job->in.num_components));
    job->in.out_color_space = job->in.num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
    lic_status status =
        lic_picture_alloc(job->picture, job->in.image_width, job->in.image_height,
                          (uint32_t)job->in.num_components, 8, job->options, job->err);
    if (status != LIC_OK)
        stop(job, status);
    read_metadata(job);
    jpeg_start_decompress(&job->in);
    read_rows(job);
    jpeg_finish_decompress(&job->in);
}

lic_status lic_jpeg_read(const uint8_t *data, size_t bytes, const lic_read_options *options,
                         lic_picture *picture, lic_error *err)
{
    struct jpeg_job job = {
        .data = data, .bytes = bytes, .options = options, .picture = picture, .err = err};
    job.in.err = set_errors(&job);
    job.in.client_data = &job;
    job.progress.progress_monitor = on_progress;
    guarded(&job, read_all);
    jpeg_destroy_decompress(&job.in);
    free(job.profile);
    return job.status;
}

/* ---- writing ---- */

/* Exif and XMP have one segment each, with a head before the data. */
static void write_segment(struct jpeg_job *job, lic_meta kind, const char *head, size_t head_bytes)
{
    const lic_blob *blob = &job->picture->meta[kind];
    if (!blob->data)
        return;
    if (blob->bytes > MAX_SEGMENT - head_bytes) {
        lic_picture_warn(job->picture, "%s of %zu bytes does not fit a JPEG file and is left out",
                         lic_picture_meta_names[kind], blob->bytes);
        return;
    }
    jpeg_write_m_header(&job->out, JPEG_APP0 + 1, (unsigned)(head_bytes + blob->bytes));
    for (size_t i = 0; i < head_bytes; i++)
        jpeg_write_m_byte(&job->out, head[i]);
    for (size_t i = 0; i < blob->bytes; i++)
        jpeg_write_m_byte(&job->out, blob->data[i]);
}

static void write_metadata(struct jpeg_job *job)
{
    const lic_blob *icc = &job->picture->meta[LIC_META_ICCP];
    write_segment(job, LIC_META_EXIF, exif_head, sizeof exif_head);
    write_segment(job, LIC_META_XMP, xmp_head, sizeof xmp_head);
    if (icc->data && icc->bytes <= 255u * (MAX_SEGMENT - 14))
        jpeg_write_icc_profile(&job->out, icc->data, (unsigned)icc->bytes);
    else if (icc->data)
        lic_picture_warn(job->picture, "an ICC profile of %zu bytes does not fit a JPEG file",
                         icc->bytes);
}

static void write_all(struct jpeg_job *job)
{
    const lic_image *image = &job->picture->image;
    struct jpeg_compress_struct *out = &job->out;
    jpeg_create_compress(out);
    jpeg_stdio_dest(out, job->file);
    out->image_width = image->width;
    out->image_height = image->height;
    out->input_components = (int)image->channels;
    out->in_color_space = image->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(out);
    jpeg_set_quality(out, WRITE_QUALITY, TRUE);
    out->optimize_coding = TRUE;
    out->comp_info[0].h_samp_factor = 1; /* 4:4:4: the picture has been through one codec already */
    out->comp_info[0].v_samp_factor = 1;
    jpeg_start_compress(out, TRUE);
    write_metadata(job);
    while (out->next_scanline < out->image_height) {
        JSAMPROW row = (JSAMPROW)image->data + out->next_scanline * image->stride_bytes;
        jpeg_write_scanlines(out, &row, 1);
    }
    jpeg_finish_compress(out);
}

lic_status lic_jpeg_write(FILE *file, lic_picture *picture, lic_error *err)
{
    struct jpeg_job job = {.file = file, .picture = picture, .err = err};
    if (picture->image.depth != 8)
        return lic_report_fail(err, LIC_ERR_UNSUPPORTED, "JPEG has 8 bits only: use --depth=8");
    job.out.err = set_errors(&job);
    job.out.client_data = &job;
    guarded(&job, write_all);
    jpeg_destroy_compress(&job.out);
    return job.status;
}
