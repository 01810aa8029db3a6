/* bdrate.c - lic bdrate: how much rate one codec needs more or less than another at equal quality
 * (Bjontegaard). Negative per cent and positive dB are in favour of TEST. */
#include "cli/base/report.h"
#include "cli/batch/job.h"
#include "cli/commands.h"
#include "cli/rd/curve.h"

#include <math.h>

static void say_text(const lic_settings *s, const lic_curve *curves, const lic_curve_difference *d)
{
    const char *metric = s->metric == LIC_CURVE_PSNR ? "PSNR" : "MS-SSIM, -10 log10(1 - x)";
    printf("anchor   %s, %d points\n", curves[0].name, curves[0].n);
    printf("test     %s, %d points\n", curves[1].name, curves[1].n);
    printf("metric   %s\n", metric);
    printf("overlap  %.4f..%.4f dB", d->low_db, d->high_db);
    if (isfinite(d->db_pchip))
        printf(", %.4f..%.4f bpp\n", d->low_bpp, d->high_bpp);
    else
        printf(", none in bpp\n");
    printf("BD-rate  %+.4f %%  (cubic %+.4f %%)\n", d->rate_pchip, d->rate_cubic);
    if (isfinite(d->db_pchip))
        printf("BD-dB    %+.4f dB (cubic %+.4f dB)\n", d->db_pchip, d->db_cubic);
}

static void json_curve(lic_json *json, const char *key, const lic_curve *curve)
{
    lic_json_begin_object(json, key);
    lic_json_string(json, "name", curve->name);
    lic_json_unsigned(json, "points", (uint64_t)curve->n);
    lic_json_end_object(json);
}

static bool say_json(const lic_settings *s, const lic_curve *curves, const lic_curve_difference *d,
                     lic_status status, const lic_error *err)
{
    lic_json json;
    if (!lic_job_json_begin(&json, s, stdout, "bdrate", s->files[0]))
        return false;
    lic_json_string(&json, "test_file", s->files[1]);
    lic_json_string(&json, "metric", s->metric == LIC_CURVE_PSNR ? "psnr" : "ms-ssim");
    lic_job_json_status(&json, status, err);
    if (status == LIC_OK) {
        json_curve(&json, "anchor", &curves[0]);
        json_curve(&json, "test", &curves[1]);
        lic_json_real(&json, "low_db", d->low_db, 6);
        lic_json_real(&json, "high_db", d->high_db, 6);
        lic_json_real(&json, "low_bpp", isfinite(d->db_pchip) ? d->low_bpp : NAN, 6);
        lic_json_real(&json, "high_bpp", isfinite(d->db_pchip) ? d->high_bpp : NAN, 6);
        lic_json_real(&json, "bd_rate", d->rate_pchip, 6);
        lic_json_real(&json, "bd_rate_cubic", d->rate_cubic, 6);
        lic_json_real(&json, "bd_db", d->db_pchip, 6);
        lic_json_real(&json, "bd_db_cubic", d->db_cubic, 6);
    }
    return lic_job_json_end(&json, s);
}

int lic_command_bdrate(const lic_settings *s)
{
    lic_curve curves[2] = {{.n = 0}};
    lic_curve_difference difference = {0};
    lic_error err = {0};
    lic_status status = LIC_OK;
    bool said = true;
    int at = 0;
    if (s->n_files != 2) {
        lic_report_error(NULL, "which two curves? lic bdrate ANCHOR TEST");
        return LIC_EXIT_USAGE;
    }
    for (at = 0; at < 2 && status == LIC_OK; at++)
        status = lic_curve_read(s->files[at], s->metric, &curves[at], &err);
    if (status == LIC_OK)
        status = lic_curve_compare(&curves[0], &curves[1], s->has_window ? s->window : NULL,
                                   &difference, &err);
    if (status != LIC_OK)
        lic_report_error(s->files[at - 1], "%s", err.text);
    if (s->json)
        said = say_json(s, curves, &difference, status, &err);
    else if (status == LIC_OK)
        say_text(s, curves, &difference);
    return said ? lic_report_exit_code(status) : LIC_EXIT_FAILED;
}
