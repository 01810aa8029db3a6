/* eval.c - lic eval: how far pictures are from their references. Two files, or two folders whose
 * files are paired by name. The mean of a folder is the mean of its pictures' figures. There is
 * none if a picture failed, because it would be the mean of something else. */
#include "cli/base/files.h"
#include "cli/base/folder.h"
#include "cli/base/report.h"
#include "cli/base/utf8.h"
#include "cli/rd/codec.h"
#include "cli/rd/look.h"
#include "cli/rd/metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

struct result {
    const char *reference, *picture;
    uint32_t width, height;
    size_t bytes; /* of the compressed file; 0: not known */
    double bpp;
    lic_metrics metrics;
    char warning[240]; /* why the figures may not mean what they seem to; "" if nothing is
                          known */
};

struct eval {
    const lic_settings *settings;
    lic_json_lines json; /* not open: text or CSV */
    lic_codec codec;
    bool is_folder;
    size_t n, n_failed;
    int exit_code;                            /* of the first that failed */
    double bpp, psnr, mse, msssim, msssim_db; /* sums */
    bool all_bpp, all_msssim;
};

/* ---- one pair ---- */

static lic_status measure(const lic_picture *reference, const lic_picture *picture,
                          struct result *r, lic_error *err)
{
    const lic_image *a = &reference->image, *b = &picture->image;
    r->width = a->width;
    r->height = a->height;
    r->bpp = 8.0 * (double)r->bytes / ((double)a->width * a->height);
    if (a->width != b->width || a->height != b->height)
        return lic_report_fail(err, LIC_ERR_ARGUMENT,
                               "is %" PRIu32 "x%" PRIu32 ", the reference %" PRIu32 "x%" PRIu32,
                               b->width, b->height, a->width, a->height);
    return lic_metrics_compare(a, b, &r->metrics, err);
}

/* The size of the compressed file, for bpp. */
static lic_status look_at_size(const char *path, size_t *bytes, lic_error *err)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return lic_report_fail(err, LIC_REPORT_ERR_IO, "--size-of: %.100s: %s", path,
                               strerror(errno));
    if (!S_ISREG(st.st_mode) || st.st_size <= 0)
        return lic_report_fail(err, LIC_REPORT_ERR_IO, "--size-of: %.100s: is no file, or empty",
                               path);
    *bytes = (size_t)st.st_size;
    return LIC_OK;
}

/* An error is printed with the file that it is about. */
static lic_status compare(struct eval *e, struct result *r, const char *size_of, lic_error *err)
{
    lic_picture reference = {0}, picture = {0};
    const char *at = r->reference;
    size_t bytes;
    lic_status status = lic_codec_read(&e->codec, r->reference, &reference, &bytes, err);
    if (status == LIC_OK) {
        at = r->picture;
        status = lic_codec_read(&e->codec, r->picture, &picture, &r->bytes, err);
    }
    if (status == LIC_OK && size_of)
        status = look_at_size(size_of, &r->bytes, err);
    if (status == LIC_OK) {
        lic_look_compare(&reference, &picture, r->warning, sizeof r->warning);
        if (r->warning[0])
            lic_report_warning(r->picture, "%s", r->warning);
        status = measure(&reference, &picture, r, err);
    }
    if (status != LIC_OK)
        lic_report_error(at, "%s", err->text);
    lic_picture_free(&reference);
    lic_picture_free(&picture);
    return status;
}

/* ---- text and CSV ---- */

static void text_of_pair(const struct result *r)
{
    const lic_metrics *m = &r->metrics;
    if (isfinite(m->psnr))
        printf("PSNR     %.4f dB\n", m->psnr);
    else
        printf("PSNR     infinite: the %s are equal\n", r->warning[0] ? "samples" : "pictures");
    if (!m->has_msssim)
        printf("MS-SSIM  none: a side is less than %d pixels\n", LIC_MSSSIM_MIN_SIDE);
    else if (isfinite(m->msssim_db))
        printf("MS-SSIM  %.6f  %.4f dB\n", m->msssim, m->msssim_db);
    else
        printf("MS-SSIM  1\n");
    if (r->bytes)
        printf("rate     %.4f bpp, %zu bytes\n", r->bpp, r->bytes);
}

/* A number, or a dash where there is none. */
static void put_cell(bool known, double value, int decimals, bool csv)
{
    if (csv)
        putchar(',');
    if (known && csv)
        printf("%.*f", decimals + 2, value);
    else if (!csv && known)
        printf(" %10.*f", decimals, value);
    else if (!csv)
        printf(" %10s", "-");
}

static void put_row(const struct eval *e, const char *name, const struct result *r)
{
    const lic_metrics *m = &r->metrics;
    bool csv = e->settings->csv;
    if (csv)
        lic_utf8_put_csv(stdout, name);
    else
        lic_utf8_put_cell(stdout, name, 24, false);
    put_cell(r->bytes > 0, r->bpp, 4, csv);
    put_cell(true, m->psnr, 4, csv);
    put_cell(m->has_msssim, m->msssim, 6, csv);
    put_cell(m->has_msssim, m->msssim_db, 4, csv);
    putchar('\n');
}

static void put_head(const struct eval *e)
{
    if (e->settings->csv)
        printf("name,bpp,psnr,ms-ssim,ms-ssim-db\n");
    else
        printf("%-24s %10s %10s %10s %10s\n", "", "bpp", "PSNR dB", "MS-SSIM", "MS-SSIM dB");
}

/* ---- JSON ---- */

static void json_numbers(lic_json *json, const struct result *r)
{
    const lic_metrics *m = &r->metrics;
    lic_json_real(json, "mse", m->mse, 6);
    lic_json_real(json, "psnr", m->psnr, 6); /* null: infinite */
    lic_json_real(json, "msssim", m->has_msssim ? m->msssim : NAN, 8);
    lic_json_real(json, "msssim_db", m->has_msssim ? m->msssim_db : NAN, 6);
    lic_json_real(json, "bpp", r->bytes ? r->bpp : NAN, 6);
}

static void json_of_pair(struct eval *e, const struct result *r, lic_status status,
                         const lic_error *err)
{
    lic_json *json = &e->json.json;
    if (!lic_json_line_begin(&e->json, "eval", r->reference))
        return;
    lic_json_string(json, "picture", r->picture);
    lic_json_line_status(&e->json, status, err);
    if (r->warning[0])
        lic_json_string(json, "warning", r->warning);
    if (status == LIC_OK) {
        lic_json_unsigned(json, "width", r->width);
        lic_json_unsigned(json, "height", r->height);
        json_numbers(json, r);
        if (r->bytes)
            lic_json_unsigned(json, "bytes", r->bytes);
        if (!r->metrics.has_msssim)
            lic_json_string(json, "msssim_why", "a side is less than 161 pixels");
    }
    lic_json_line_end(&e->json);
}

static void json_of_mean(struct eval *e, const struct result *mean)
{
    lic_json *json = &e->json.json;
    if (!lic_json_line_begin(&e->json, "eval", e->settings->files[0]))
        return;
    lic_json_string(json, "picture", e->settings->files[1]);
    lic_json_string(json, "summary", "mean of the pictures");
    lic_json_unsigned(json, "pictures", e->n);
    lic_json_unsigned(json, "failed", e->n_failed);
    if (e->n_failed == 0)
        json_numbers(json, mean);
    lic_json_line_end(&e->json);
}

/* ---- several ---- */

static void take(struct eval *e, const struct result *r, lic_status status, const lic_error *err)
{
    const lic_metrics *m = &r->metrics;
    e->n++;
    if (status != LIC_OK) {
        e->n_failed++;
        e->exit_code = e->exit_code ? e->exit_code : lic_report_exit_code(status);
    }
    e->bpp += r->bpp;
    e->mse += m->mse;
    e->psnr += m->psnr;
    e->msssim += m->msssim;
    e->msssim_db += m->msssim_db;
    e->all_bpp = e->all_bpp && r->bytes;
    e->all_msssim = e->all_msssim && m->has_msssim;
    if (e->settings->json)
        json_of_pair(e, r, status, err);
    else if (status == LIC_OK && (e->is_folder || e->settings->csv))
        put_row(e, lic_file_base_name(r->reference), r);
    else if (status == LIC_OK)
        text_of_pair(r);
}

static void say_mean(struct eval *e)
{
    double n = (double)e->n;
    struct result mean = {.bytes = e->all_bpp,
                          .bpp = e->bpp / n,
                          .metrics = {.mse = e->mse / n,
                                      .psnr = e->psnr / n,
                                      .has_msssim = e->all_msssim,
                                      .msssim = e->msssim / n,
                                      .msssim_db = e->msssim_db / n}};
    if (e->settings->json)
        json_of_mean(e, &mean);
    else if (e->n_failed == 0)
        put_row(e, "mean", &mean);
}

/* The pair of a reference in the folder, and the file that tells its size. */
static void eval_name(struct eval *e, const char *name, const lic_folder *pictures,
                      const lic_folder *sizes)
{
    const char *picture = NULL, *size = NULL;
    lic_error err = {0};
    char *a = lic_folder_join(e->settings->files[0], name), *b = NULL, *c = NULL;
    struct result r = {.reference = a ? a : name, .picture = e->settings->files[1]};
    lic_status status = lic_folder_find(pictures, name, &picture, &err);
    if (status == LIC_OK && sizes->path)
        status = lic_folder_find(sizes, name, &size, &err);
    if (status != LIC_OK) {
        lic_report_error(r.reference, "%s", err.text);
    } else {
        b = lic_folder_join(pictures->path, picture);
        c = size ? lic_folder_join(sizes->path, size) : NULL;
        if (a && b && (c || !size)) {
            r.picture = b;
            status = compare(e, &r, c, &err);
        } else {
            status = lic_report_fail(&err, LIC_ERR_MEMORY, "no memory for a name");
            lic_report_error(name, "%s", err.text);
        }
    }
    take(e, &r, status, &err);
    free(a);
    free(b);
    free(c);
}

static bool is_picture(const char *name)
{
    const char *dot = strrchr(name, '.');
    return lic_picture_format_of_name(name) != LIC_FORMAT_NONE || (dot && !strcasecmp(dot, ".lic"));
}

static lic_status eval_folders(struct eval *e, lic_error *err)
{
    lic_folder references, pictures = {0}, sizes = {0};
    const lic_settings *s = e->settings;
    const char *at = s->files[0];
    lic_status status = lic_folder_list(at, &references, err);
    if (status == LIC_OK)
        status = lic_folder_list(at = s->files[1], &pictures, err);
    if (status == LIC_OK && s->size_of)
        status = lic_folder_list(at = s->size_of, &sizes, err);
    if (status != LIC_OK)
        lic_report_error(at, "%s", err->text);
    for (size_t i = 0; i < references.n && status == LIC_OK; i++)
        if (is_picture(references.entries[i]->d_name))
            eval_name(e, references.entries[i]->d_name, &pictures, &sizes);
    if (status == LIC_OK && e->n == 0) {
        status = lic_report_fail(err, LIC_ERR_ARGUMENT, "holds no pictures");
        lic_report_error(s->files[0], "%s", err->text);
    }
    lic_folder_free(&references);
    lic_folder_free(&pictures);
    lic_folder_free(&sizes);
    return status;
}

static int run(struct eval *e)
{
    const lic_settings *s = e->settings;
    lic_error err = {0};
    lic_status status = LIC_OK;
    if (!s->json && (e->is_folder || s->csv))
        put_head(e);
    if (e->is_folder) {
        status = eval_folders(e, &err);
        if (e->n)
            say_mean(e);
    } else {
        struct result r = {.reference = s->files[0], .picture = s->files[1]};
        lic_status one = compare(e, &r, s->size_of, &err);
        take(e, &r, one, &err);
    }
    if (e->exit_code == 0)
        e->exit_code = lic_report_exit_code(status);
    return e->exit_code;
}

int lic_command_eval(const lic_settings *s)
{
    struct eval e = {.settings = s, .all_bpp = true, .all_msssim = true};
    if (s->n_files != 2)
        return lic_report_exit(LIC_EXIT_USAGE, NULL,
                               "which two pictures? lic eval REFERENCE PICTURE");
    if (s->json && s->csv)
        return lic_report_exit(LIC_EXIT_USAGE, NULL, "--json and --csv: one of them");
    e.is_folder = lic_folder_is(s->files[0]) && lic_folder_is(s->files[1]);
    if (s->size_of && lic_folder_is(s->size_of) != e.is_folder)
        return lic_report_exit(LIC_EXIT_USAGE, NULL,
                               "--size-of: a folder for two folders, a file for two files");
    if (s->json && !lic_json_lines_open(&e.json, s, stdout))
        return LIC_EXIT_FAILED;
    lic_codec_begin(&e.codec, s);
    int code = run(&e);
    lic_codec_end(&e.codec);
    return !lic_json_lines_close(&e.json) && code == LIC_EXIT_OK ? LIC_EXIT_FAILED : code;
}
