/* curve_read.c - lic_curve_read of curve.h: JSON as CompressAI writes it, {"name", "results":
 * {"bpp", "psnr-rgb", "ms-ssim-rgb"}}, and CSV whose columns a head line may name. */
#include "cli/base/files.h"
#include "cli/base/json_read.h"
#include "cli/base/report.h"
#include "cli/rd/curve.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Names that people's files have for a column; the first is ours. */
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
    char separator;
};

static bool is_one_of(const char *word, const char *const *names)
{
    for (; *names; names++)
        if (strcasecmp(*names, word) == 0)
            return true;
    return false;
}

/* The next field of the line, which moves on. Blanks around it and quotes (RFC 4180) are removed in
 * place. */
static char *next_field(char **line, char separator)
{
    char *at = *line + strspn(*line, separator == '\t' ? " " : " \t"), *to = at, *start = at;
    if (*at == '"') {
        for (at++; *at && (*at != '"' || at[1] == '"'); at++) {
            at += *at == '"';
            *to++ = *at;
        }
        at += *at == '"';
    }
    while (*at && *at != separator)
        *to++ = *at++;
    *line = *at ? at + 1 : at;
    while (to > start && (to[-1] == ' ' || to[-1] == '\t'))
        to--;
    *to = 0;
    return start;
}

/* False if this is not a line of names. */
static bool read_head(char *line, lic_curve_metric metric, struct columns *columns)
{
    columns->rate = columns->quality = -1;
    for (int i = 0; *line; i++) {
        const char *word = next_field(&line, columns->separator);
        if (columns->rate < 0 && is_one_of(word, rate_names))
            columns->rate = i;
        if (columns->quality < 0 && is_one_of(word, quality_names(metric)))
            columns->quality = i;
    }
    return columns->rate >= 0 && columns->quality >= 0;
}

/* Where fields end in semicolons, spreadsheets of many countries write a comma for the point. */
static bool read_number(char *word, char separator, double *value)
{
    char *comma = separator == ';' ? strchr(word, ',') : NULL, *end;
    if (comma && !strchr(word, '.'))
        *comma = '.';
    *value = strtod(word, &end);
    return *word && !*end;
}

static bool read_point(char *line, const struct columns *columns, double *rate, double *quality)
{
    bool has_rate = false, has_quality = false;
    for (int i = 0; *line; i++) {
        char *word = next_field(&line, columns->separator);
        if (i != columns->rate && i != columns->quality)
            continue;
        if (!read_number(word, columns->separator, i == columns->rate ? rate : quality))
            return false;
        has_rate = has_rate || i == columns->rate;
        has_quality = has_quality || i == columns->quality;
    }
    return has_rate && has_quality;
}

/* The separator of the first line that is not empty. */
static char separator_of(const char *line)
{
    return strchr(line, ';') ? ';' : strchr(line, '\t') ? '\t' : ',';
}

/* A line of names has letters; numbers have none but the e of an exponent. */
static bool has_names(const char *line)
{
    return line[strspn(line, "0123456789+-.eE,;\" \t")] != 0;
}

/* One line that is neither empty nor a comment. */
static lic_status take_line(char *line, int number, bool first, lic_curve_metric metric,
                            struct columns *columns, lic_curve *curve, lic_error *err)
{
    if (first) {
        columns->separator = separator_of(line);
        if (has_names(line))
            return read_head(line, metric, columns)
                       ? LIC_OK
                       : lic_report_fail(err, LIC_ERR_CORRUPT, "CSV: no column \"bpp\" or \"%s\"",
                                         quality_names(metric)[0]);
    }
    if (curve->n == LIC_CURVE_MAX_POINTS)
        return too_many(err);
    if (!read_point(line, columns, &curve->bpp[curve->n], &curve->db[curve->n]))
        return lic_report_fail(err, LIC_ERR_CORRUPT,
                               "CSV, line %d: numbers in columns %d and %d are expected", number,
                               columns->rate + 1, columns->quality + 1);
    curve->n++;
    return LIC_OK;
}

static lic_status from_lines(char *text, lic_curve_metric metric, lic_curve *curve, lic_error *err)
{
    struct columns columns = {.rate = 0, .quality = metric == LIC_CURVE_PSNR ? 1 : 2};
    bool first = true;
    int number = 0;
    lic_status status = LIC_OK;
    for (char *line = text, *next; line && status == LIC_OK; line = next) {
        char *end = line + strcspn(line, "\r\n");
        next = *end ? end + 1 + (*end == '\r' && end[1] == '\n') : NULL;
        *end = 0;
        number++;
        if (!line[strspn(line, " \t")] || *line == '#')
            continue;
        status = take_line(line, number, first, metric, &columns, curve, err);
        first = false;
    }
    return status;
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

/* Sorts by insertion: curves are short, and mostly sorted one way or the other. */
static void sort_by_rate(lic_curve *c)
{
    for (int i = 1; i < c->n; i++) {
        double bpp = c->bpp[i], db = c->db[i];
        int j = i;
        for (; j > 0 && (c->bpp[j - 1] > bpp || (c->bpp[j - 1] == bpp && c->db[j - 1] > db)); j--) {
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

/* Drops repeated points, such as two settings with the same result. */
static void merge_equal(lic_curve *c)
{
    int n = 0;
    for (int i = 0; i < c->n; i++) {
        if (n && c->bpp[i] == c->bpp[n - 1] && c->db[i] == c->db[n - 1])
            continue;
        c->bpp[n] = c->bpp[i];
        c->db[n++] = c->db[i];
    }
    c->n = n;
}

/* Drops points with more rate for the same quality, which nobody would choose. */
static void drop_plateaus(lic_curve *c)
{
    int n = 1, dropped = 0;
    for (int i = 1; i < c->n; i++) {
        if (c->db[i] == c->db[n - 1]) {
            if (!dropped++)
                snprintf(c->warning, sizeof c->warning,
                         "%.4f bpp has no more quality than %.4f bpp: the point is left out",
                         c->bpp[i], c->bpp[n - 1]);
            continue;
        }
        c->bpp[n] = c->bpp[i];
        c->db[n++] = c->db[i];
    }
    c->n = n;
}

static lic_status check_shape(lic_curve *c, lic_error *err)
{
    enum { LEAST = 3 }; /* once plateaus are gone */
    merge_equal(c);
    if (c->n != 1 && c->n < LIC_CURVE_MIN_POINTS)
        return lic_report_fail(err, LIC_ERR_CORRUPT,
                               "has %d different points; a curve takes %d or more", c->n,
                               LIC_CURVE_MIN_POINTS);
    for (int i = 1; i < c->n; i++)
        if (c->bpp[i] == c->bpp[i - 1])
            return lic_report_fail(err, LIC_ERR_CORRUPT,
                                   "is not monotone: %.4f bpp has %.4f dB and %.4f dB", c->bpp[i],
                                   c->db[i - 1], c->db[i]);
        else if (c->db[i] < c->db[i - 1])
            return lic_report_fail(err, LIC_ERR_CORRUPT,
                                   "is not monotone: %.4f bpp has %.4f dB, %.4f bpp has %.4f dB",
                                   c->bpp[i - 1], c->db[i - 1], c->bpp[i], c->db[i]);
    drop_plateaus(c);
    if (c->n != 1 && c->n < LEAST)
        return lic_report_fail(err, LIC_ERR_CORRUPT,
                               "has %d points of different quality; a curve takes %d or more", c->n,
                               LEAST);
    return LIC_OK;
}

/* The name until the file gives one: "folder/vtm.json" is vtm. */
static void name_by_path(lic_curve *curve, const char *path)
{
    const char *base = lic_file_base_name(path);
    snprintf(curve->name, sizeof curve->name, "%.*s", (int)strcspn(base, "."), base);
}

lic_status lic_curve_read(const char *path, lic_curve_metric metric, lic_curve *curve,
                          lic_error *err)
{
    lic_file_data file;
    *curve = (lic_curve){0};
    name_by_path(curve, path);
    lic_status status = lic_file_read_small(path, &file, err);
    if (status != LIC_OK)
        return status;
    static const uint8_t mark[] = {0xEF, 0xBB, 0xBF}; /* that Windows puts before UTF-8 */
    if (file.bytes >= sizeof mark && memcmp(file.data, mark, sizeof mark) == 0)
        memset(file.data, ' ', sizeof mark);
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
