/* bdrate.c - lic bdrate: how much more or less rate one codec needs than another at equal quality
 * (Bjontegaard). Negative per cent and positive dB are in favour of TEST. */
#include "cli/base/report.h"
#include "cli/base/utf8.h"
#include "cli/options/settings.h"
#include "cli/rd/curve.h"

#include <math.h>

static void put_figure(const char *title, const char *unit, double pchip, double cubic)
{
    if (!isfinite(pchip))
        return;
    printf("%s%+.4f %s", title, pchip, unit);
    if (isfinite(cubic))
        printf("%s(cubic %+.4f %s)", *unit == '%' ? "  " : " ", cubic, unit);
    putchar('\n');
}

/* "" if there is nothing to warn of. With a window, the user has said what counts. */
static void find_warning(const lic_settings *s, const lic_curve_difference *d, char *text,
                         size_t size)
{
    text[0] = 0;
    if (!s->has_window && d->overlap < LIC_CURVE_LEAST_OVERLAP)
        snprintf(text, size,
                 "the curves have %.4f dB in common, %.2g %% of the shorter one: the figures say "
                 "little",
                 d->high_db - d->low_db, 100 * d->overlap);
}

static void say_text(const lic_settings *s, const lic_curve *curves, const lic_curve_difference *d)
{
    const char *metric = s->metric == LIC_CURVE_PSNR ? "PSNR" : "MS-SSIM, -10 log10(1 - x)";
    static const char *const titles[] = {"anchor   ", "test     "};
    for (int i = 0; i < 2; i++) {
        fputs(titles[i], stdout);
        lic_utf8_put(stdout, curves[i].name);
        printf(", %d point%s\n", curves[i].n, curves[i].n == 1 ? "" : "s");
    }
    printf("metric   %s\n", metric);
    if (d->at_point) {
        printf("point    %.4f dB, %.4f bpp\n", d->low_db, d->low_bpp);
    } else {
        printf("overlap  %.4f..%.4f dB", d->low_db, d->high_db);
        if (isfinite(d->db_pchip))
            printf(", %.4f..%.4f bpp\n", d->low_bpp, d->high_bpp);
        else
            printf(", none in bpp\n");
    }
    put_figure(d->at_point ? "rate     " : "BD-rate  ", "%", d->rate_pchip, d->rate_cubic);
    put_figure(d->at_point ? "quality  " : "BD-dB    ", "dB", d->db_pchip, d->db_cubic);
}

static void json_curve(lic_json *json, const char *key, const lic_curve *curve)
{
    lic_json_open(json, key, '{');
    lic_json_string(json, "name", curve->name);
    lic_json_unsigned(json, "points", (uint64_t)curve->n);
    lic_json_close(json, '}');
}

static void json_figures(lic_json *json, const lic_curve *curves, const lic_curve_difference *d)
{
    json_curve(json, "anchor", &curves[0]);
    json_curve(json, "test", &curves[1]);
    lic_json_real(json, "low_db", d->low_db, 6);
    lic_json_real(json, "high_db", d->high_db, 6);
    lic_json_real(json, "overlap", d->overlap, 6);
    lic_json_real(json, "low_bpp", isfinite(d->db_pchip) ? d->low_bpp : NAN, 6);
    lic_json_real(json, "high_bpp", isfinite(d->db_pchip) ? d->high_bpp : NAN, 6);
    lic_json_real(json, "bd_rate", d->rate_pchip, 6);
    lic_json_real(json, "bd_rate_cubic", d->rate_cubic, 6);
    lic_json_real(json, "bd_db", d->db_pchip, 6);
    lic_json_real(json, "bd_db_cubic", d->db_cubic, 6);
}

static bool say_json(const lic_settings *s, const lic_curve *curves, const lic_curve_difference *d,
                     const char *warning, lic_status status, const lic_error *err)
{
    lic_json_lines lines;
    lic_json *json = &lines.json;
    if (!lic_json_lines_open(&lines, s, stdout))
        return false;
    if (lic_json_line_begin(&lines, "bdrate", s->files[0])) {
        lic_json_string(json, "test_file", s->files[1]);
        lic_json_string(json, "metric", s->metric == LIC_CURVE_PSNR ? "psnr" : "ms-ssim");
        lic_json_line_status(&lines, status, err);
        if (warning[0])
            lic_json_string(json, "warning", warning);
        if (status == LIC_OK)
            json_figures(json, curves, d);
        lic_json_line_end(&lines);
    }
    return lic_json_lines_close(&lines);
}

int lic_command_bdrate(const lic_settings *s)
{
    lic_curve curves[2] = {{.n = 0}};
    lic_curve_difference difference = {0};
    lic_error err = {0};
    lic_status status = LIC_OK;
    bool said = true;
    int at = 0;
    if (s->n_files != 2)
        return lic_report_exit(LIC_EXIT_USAGE, NULL, "which two curves? lic bdrate ANCHOR TEST");
    for (at = 0; at < 2 && status == LIC_OK; at++) {
        status = lic_curve_read(s->files[at], s->metric, &curves[at], &err);
        if (status == LIC_OK && curves[at].warning[0])
            lic_report_warning(s->files[at], "%s", curves[at].warning);
    }
    if (status == LIC_OK)
        status = lic_curve_compare(&curves[0], &curves[1], s->has_window ? s->window : NULL,
                                   &difference, &err);
    if (status != LIC_OK)
        lic_report_error(s->files[at - 1], "%s", err.text);
    char warning[200] = "";
    if (status == LIC_OK)
        find_warning(s, &difference, warning, sizeof warning);
    if (warning[0])
        lic_report_warning(NULL, "%s", warning);
    if (s->json)
        said = say_json(s, curves, &difference, warning, status, &err);
    else if (status == LIC_OK)
        say_text(s, curves, &difference);
    return said ? lic_report_exit_code(status) : LIC_EXIT_FAILED;
}
