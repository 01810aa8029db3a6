/* eval.c - lic eval: how far a picture is from its reference. */
#include "cli/commands.h"
#include "cli/job.h"
#include "cli/metrics.h"
#include "cli/report.h"

#include <inttypes.h>
#include <math.h>

static lic_status read_picture(const char *path, const lic_settings *settings, lic_picture *picture,
                               lic_error *err)
{
    lic_file_data file;
    lic_status status = lic_file_read(path, &file, err);
    if (status == LIC_OK)
        status = lic_picture_read(file.data, file.bytes, &settings->read, picture, err);
    lic_file_free(&file);
    if (status != LIC_OK)
        lic_report_error(path, "%s", err->text);
    return status;
}

static lic_status compare(const lic_settings *s, const lic_picture *reference,
                          const lic_picture *picture, lic_metrics *metrics, lic_error *err)
{
    const lic_image *a = &reference->image, *b = &picture->image;
    lic_status status;
    if (a->width != b->width || a->height != b->height)
        status = lic_report_fail(err, LIC_ERR_ARGUMENT,
                                 "is %" PRIu32 "x%" PRIu32 ", the reference %" PRIu32 "x%" PRIu32,
                                 b->width, b->height, a->width, a->height);
    else
        status = lic_metrics_compare(a, b, metrics, err);
    if (status != LIC_OK)
        lic_report_error(s->files[1], "%s", err->text);
    return status;
}

static void say_text(const lic_metrics *m)
{
    if (isfinite(m->psnr))
        printf("PSNR     %.4f dB\n", m->psnr);
    else
        printf("PSNR     infinite: the pictures are equal\n");
    if (!m->has_msssim)
        printf("MS-SSIM  none: a side is less than %d pixels\n", LIC_MSSSIM_MIN_SIDE);
    else if (isfinite(m->msssim_db))
        printf("MS-SSIM  %.6f  %.4f dB\n", m->msssim, m->msssim_db);
    else
        printf("MS-SSIM  1\n");
}

static bool say_json(const lic_settings *s, const lic_image *image, const lic_metrics *m,
                     lic_status status, const lic_error *err)
{
    lic_json json;
    if (!lic_job_json_begin(&json, s, stdout, "eval", s->files[0]))
        return false;
    lic_json_string(&json, "picture", s->files[1]);
    lic_job_json_status(&json, status, err);
    if (status == LIC_OK) {
        lic_json_unsigned(&json, "width", image->width);
        lic_json_unsigned(&json, "height", image->height);
        lic_json_real(&json, "mse", m->mse, 6);
        lic_json_real(&json, "psnr", m->psnr, 6); /* null: infinite */
        lic_json_real(&json, "msssim", m->has_msssim ? m->msssim : NAN, 8);
        lic_json_real(&json, "msssim_db", m->has_msssim ? m->msssim_db : NAN, 6);
        if (!m->has_msssim)
            lic_json_string(&json, "msssim_why", "a side is less than 161 pixels");
    }
    return lic_job_json_end(&json, s);
}

int lic_command_eval(const lic_settings *s)
{
    lic_picture reference = {0}, picture = {0};
    lic_metrics metrics = {0};
    lic_error err = {0};
    bool said = true;
    if (s->n_files != 2) {
        lic_report_error(NULL, "which two pictures? lic eval REFERENCE PICTURE");
        return LIC_EXIT_USAGE;
    }
    lic_status status = read_picture(s->files[0], s, &reference, &err);
    if (status == LIC_OK)
        status = read_picture(s->files[1], s, &picture, &err);
    if (status == LIC_OK)
        status = compare(s, &reference, &picture, &metrics, &err);
    if (s->json)
        said = say_json(s, &reference.image, &metrics, status, &err);
    else if (status == LIC_OK)
        say_text(&metrics);
    lic_picture_free(&reference);
    lic_picture_free(&picture);
    return said ? lic_report_exit_code(status) : LIC_EXIT_FAILED;
}
