/* curve_read.c - lic_curve_read of curve.h: JSON as CompressAI writes it, {"name", "results":
 * {"bpp", "psnr-rgb", "ms-ssim-rgb"}}, and CSV whose columns a head line may name. */
#include "cli/base/files.h"
#include "cli/base/json_read.h"
#include "cli/base/report.h"
#include "cli/rd/curve.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Names of a column in files that people have; the first is ours. */
static const char *const rate_names[] = {"bpp", "rate", NULL};
static const char *const psnr_names[] = {"psnr-rgb", "psnr", NULL};
static const char *const msssim_names[] = {"ms-ssim-rgb", "ms-ssim", "msssim", NULL};

static const char *const *quality_names(lic_curve_metric metric)
{
    return metric == LIC_CURVE_PSNR ? psnr_names : msssim_names;
}

static lic_status too_many(lic_error *err)
{
    return lic_report_fail(err, LIC_ERR_LIMIT, "has more than %d points", LIC_CURVE_MAX_POINTS);
}

/* ---- JSON ---- */

static lic_status copy_numbers(const lic_json_value *results, const char *const *names,
                               double *numbers, int *n, lic_error *err)
{
    const lic_json_value *array = NULL;
    for (const char *const *name = names; *name && !array; name++)
        array = lic_json_find(results, *name);
    if (!array || array->type != LIC_JSON_ARRAY)
        return lic_report_fail(err, LIC_ERR_CORRUPT, "has no list \"%s\" in \"results\"", *names);
    if (array->n_children > LIC_CURVE_MAX_POINTS)
        return too_many(err);
    *n = 0;
    for (const lic_json_value *v = array->child; v; v = v->next) {
        if (v->type != LIC_JSON_NUMBER)
            return lic_report_fail(err, LIC_ERR_CORRUPT, "\"%s\" holds something else than numbers",
                                   *names);
        numbers[(*n)++] = v->number;
    }
    return LIC_OK;
}

static lic_status from_tree(const lic_json_value *root, lic_curve_metric metric, lic_curve *curve,
                            lic_error *err)
{
    const lic_json_value *results = lic_json_find(root, "results");
    const lic_json_value *name = lic_json_find(root, "name");
    int n = 0;
    if (name && name->type == LIC_JSON_STRING)
        snprintf(curve->name, sizeof curve->name, "%s", name->text);
    if (!results)
        return lic_report_fail(err, LIC_ERR_CORRUPT,
                               "has no \"results\": not a CompressAI-style file");
    lic_status status = copy_numbers(results, rate_names, curve->bpp, &curve->n, err);
    if (status == LIC_OK)
        status = copy_numbers(results, quality_names(metric), curve->db, &n, err);
    if (status == LIC_OK && n != curve->n)
        status =
            lic_report_fail(err, LIC_ERR_CORRUPT, "has %d rates, but %d qualities", curve->n, n);
    return status;
}

static lic_status from_json(const lic_file_data *file, lic_curve_metric metric, lic_curve *curve,
                            lic_error *err)
{
    lic_json_document document;
    lic_status status = lic_json_read(file->data, file->bytes, &document, err);
    if (status == LIC_OK)
        status = from_tree(document.root, metric, curve, err);
    lic_json_free(&document);
    return status;
}

/* ---- CSV ---- */

struct columns {
    int rate, quality;
};

static bool is_one_of(const char *word, size_t n, const char *const *names)
{
    for (; *names; names++)
        if (strlen(*names) == n && memcmp(*names, word, n) == 0)
            return true;
    return false;
}

/* A field from the line, blanks and quotes round it off; moves the line on. */
static const char *next_field(char **line, size_t *n)
{
    char *start = *line, *end = start + strcspn(start, ",;\t");
    *line = *end ? end + 1 : end;
    while (start < end && (*start == ' ' || *start == '"'))
        start++;
    while (end > start && (end[-1] == ' ' || end[-1] == '"'))
        end--;
    *n = (size_t)(end - start);
    return start;
}

/* False if the line is not one of names. */
static bool read_head(char *line, lic_curve_metric metric, struct columns *columns)
{
    columns->rate = columns->quality = -1;
    for (int i = 0; *line; i++) {
        size_t n;
        const char *word = next_field(&line, &n);
        if (columns->rate < 0 && is_one_of(word, n, rate_names))
            columns->rate = i;
        if (columns->quality < 0 && is_one_of(word, n, quality_names(metric)))
            columns->quality = i;
    }
    return columns->rate >= 0 && columns->quality >= 0;
}

static bool read_point(char *line, const struct columns *columns, double *rate, double *quality)
{
    bool has_rate = false, has_quality = false;
    for (int i = 0; *line; i++) {
        size_t n;
        char *end;
        const char *word = next_field(&line, &n);
        if (i != columns->rate && i != columns->quality)
            continue;
        double value = strtod(word, &end);
        if (n == 0 || end != word + n)
            return false;
        *(i == columns->rate ? rate : quality) = value;
        has_rate = has_rate || i == columns->rate;
        has_quality = has_quality || i == columns->quality;
    }
    return has_rate && has_quality;
}

static lic_status from_lines(char *text, lic_curve_metric metric, lic_curve *curve, lic_error *err)
{
    struct columns columns = {.rate = 0, .quality = metric == LIC_CURVE_PSNR ? 1 : 2};
    bool first = true;
    int number = 0;
    for (char *line = text, *next; line; line = next) {
        char *end = line + strcspn(line, "\r\n");
        next = *end ? end + 1 + (*end == '\r' && end[1] == '\n') : NULL;
        *end = 0;
        number++;
        if (!line[strspn(line, " \t")] || *line == '#')
            continue;
        bool letters = line[strspn(line, "0123456789+-.eE,; \t")] != 0;
        if (first && letters && !read_head(line, metric, &columns))
            return lic_report_fail(err, LIC_ERR_CORRUPT, "CSV: no column \"bpp\" or \"%s\"",
                                   quality_names(metric)[0]);
        if (!(first && letters)) {
            if (curve->n == LIC_CURVE_MAX_POINTS)
                return too_many(err);
            if (!read_point(line, &columns, &curve->bpp[curve->n], &curve->db[curve->n]))
                return lic_report_fail(err, LIC_ERR_CORRUPT,
                                       "CSV, line %d: numbers in columns %d and %d are expected",
                                       number, columns.rate + 1, columns.quality + 1);
            curve->n++;
        }
        first = false;
    }
    return LIC_OK;
}

static lic_status from_csv(const lic_file_data *file, lic_curve_metric metric, lic_curve *curve,
                           lic_error *err)
{
    char *text = malloc(file->bytes + 1);
    if (!text)
        return lic_report_fail(err, LIC_ERR_MEMORY, "no memory to read CSV");
    memcpy(text, file->data, file->bytes);
    text[file->bytes] = 0;
    lic_status status = from_lines(text, metric, curve, err);
    free(text);
    return status;
}

/* ---- both ---- */

/* By insertion: curves are short, and mostly sorted one way or the other. */
static void sort_by_rate(lic_curve *c)
{
    for (int i = 1; i < c->n; i++) {
        double bpp = c->bpp[i], db = c->db[i];
        int j = i;
        for (; j > 0 && c->bpp[j - 1] > bpp; j--) {
            c->bpp[j] = c->bpp[j - 1];
            c->db[j] = c->db[j - 1];
        }
        c->bpp[j] = bpp;
        c->db[j] = db;
    }
}

static lic_status check_points(lic_curve *c, lic_curve_metric metric, lic_error *err)
{
    for (int i = 0; i < c->n; i++) {
        double quality = c->db[i];
        if (!(c->bpp[i] > 0) || c->bpp[i] > 1e6)
            return lic_report_fail(err, LIC_ERR_CORRUPT, "%g bpp is not a rate", c->bpp[i]);
        if (metric == LIC_CURVE_MSSSIM && !(quality > -1 && quality < 1))
            return lic_report_fail(err, LIC_ERR_CORRUPT,
                                   "%g is not an MS-SSIM below 1 (dB are not taken)", quality);
        if (metric == LIC_CURVE_MSSSIM)
            c->db[i] = -10 * log10(1 - quality);
        if (!isfinite(c->db[i]) || fabs(c->db[i]) > 1000)
            return lic_report_fail(err, LIC_ERR_CORRUPT, "%g dB is not a quality", quality);
    }
    return LIC_OK;
}

static lic_status check_shape(const lic_curve *c, lic_error *err)
{
    if (c->n < LIC_CURVE_MIN_POINTS)
        return lic_report_fail(err, LIC_ERR_CORRUPT, "has %d point%s; a curve takes %d or more",
                               c->n, c->n == 1 ? "" : "s", LIC_CURVE_MIN_POINTS);
    for (int i = 1; i < c->n; i++)
        if (c->bpp[i] <= c->bpp[i - 1] || c->db[i] <= c->db[i - 1])
            return lic_report_fail(err, LIC_ERR_CORRUPT,
                                   "is not monotone: %.4f bpp has %.4f dB, %.4f bpp has %.4f dB",
                                   c->bpp[i - 1], c->db[i - 1], c->bpp[i], c->db[i]);
    return LIC_OK;
}

/* Stands for the name until the file tells one: "folder/vtm.json" is vtm. */
static void name_by_path(lic_curve *curve, const char *path)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    snprintf(curve->name, sizeof curve->name, "%.*s", (int)strcspn(base, "."), base);
}

lic_status lic_curve_read(const char *path, lic_curve_metric metric, lic_curve *curve,
                          lic_error *err)
{
    lic_file_data file;
    *curve = (lic_curve){0};
    name_by_path(curve, path);
    lic_status status = lic_file_read(path, LIC_READ_ANY, &file, err);
    if (status != LIC_OK)
        return status;
    size_t blanks = 0;
    while (blanks < file.bytes && memchr(" \t\r\n", file.data[blanks], 4))
        blanks++;
    bool json = blanks < file.bytes && (file.data[blanks] == '{' || file.data[blanks] == '[');
    status = json ? from_json(&file, metric, curve, err) : from_csv(&file, metric, curve, err);
    lic_file_free(&file);
    if (status == LIC_OK)
        status = check_points(curve, metric, err);
    if (status == LIC_OK) {
        sort_by_rate(curve);
        status = check_shape(curve, err);
    }
    return status;
}
