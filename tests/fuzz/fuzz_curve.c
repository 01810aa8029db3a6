/* fuzz_curve.c - the readers of text: JSON, and curves in JSON and CSV, which are compared if they
 * are sound. Accepted JSON must be a tree with no more values than its text has room for. */
#include "cli/base/json_read.h"
#include "cli/rd/curve.h"
#include "tests/fuzz/fuzz.h"

#include <math.h>

static size_t count(const lic_json_value *value)
{
    size_t n = 1, children = 0;
    for (const lic_json_value *child = value->child; child; child = child->next, children++) {
        FUZZ_CHECK((child->key != NULL) == (value->type == LIC_JSON_OBJECT));
        n += count(child);
    }
    FUZZ_CHECK(children == value->n_children);
    FUZZ_CHECK(!children || value->type == LIC_JSON_OBJECT || value->type == LIC_JSON_ARRAY);
    FUZZ_CHECK(value->type != LIC_JSON_NUMBER || isfinite(value->number));
    FUZZ_CHECK(value->type != LIC_JSON_STRING || value->text);
    return n;
}

static void read_json(const uint8_t *data, size_t bytes)
{
    lic_json_document document;
    lic_error err = {0};
    const lic_status status = lic_json_read(data, bytes, &document, &err);
    fuzz_check_error(status, &err);
    FUZZ_CHECK(status == LIC_OK || status == LIC_ERR_CORRUPT || status == LIC_ERR_LIMIT);
    FUZZ_CHECK(status || (document.root && count(document.root) <= bytes));
    lic_json_free(&document);
}

static void check_curve(const lic_curve *c)
{
    FUZZ_CHECK(c->n == 1 || (c->n >= 3 && c->n <= LIC_CURVE_MAX_POINTS)); /* without plateaus */
    FUZZ_CHECK(memchr(c->name, 0, sizeof c->name));
    for (int i = 0; i < c->n; i++) {
        FUZZ_CHECK(isfinite(c->bpp[i]) && isfinite(c->db[i]) && c->bpp[i] > 0);
        FUZZ_CHECK(!i || (c->bpp[i] > c->bpp[i - 1] && c->db[i] > c->db[i - 1]));
    }
}

static bool read_curve(const char *path, lic_curve_metric metric, lic_curve *curve)
{
    lic_error err = {0};
    const lic_status status = lic_curve_read(path, metric, curve, &err);
    fuzz_check_error(status, &err);
    if (status == LIC_OK)
        check_curve(curve);
    return status == LIC_OK;
}

/* Of two curves; of one with itself there is no difference. */
static void compare(const lic_curve *a, const lic_curve *b)
{
    lic_curve_difference d;
    lic_error err = {0};
    const lic_status status = lic_curve_compare(a, b, NULL, &d, &err);
    fuzz_check_error(status, &err);
    if (status == LIC_OK)
        FUZZ_CHECK(isfinite(d.low_db) &&
                   (d.at_point ? d.low_db == d.high_db : d.low_db < d.high_db));
    if (status == LIC_OK && d.at_point)
        FUZZ_CHECK(isfinite(d.rate_pchip) || isfinite(d.db_pchip));
    if (status == LIC_OK && !d.at_point)
        FUZZ_CHECK(d.overlap > 0 && d.overlap <= 1);
    if (a == b)
        FUZZ_CHECK(a->n == 1 ? status != LIC_OK : status == LIC_OK && d.rate_pchip == 0.0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const char known[] =
        "bpp,psnr,ms-ssim\n0.1,28,0.9\n0.3,31,0.95\n0.6,34,0.97\n1,37,0.99\n";
    lic_curve curve, other;
    char path[64], known_path[64];
    uint8_t *copy = fuzz_copy(data, bytes);
    read_json(copy, bytes);
    free(copy);
    FILE *file = fuzz_file(data, bytes, path),
         *known_file = fuzz_file(known, sizeof known - 1, known_path);
    for (int metric = LIC_CURVE_PSNR; metric <= LIC_CURVE_MSSSIM; metric++) {
        if (!read_curve(path, (lic_curve_metric)metric, &curve))
            continue;
        FUZZ_CHECK(read_curve(known_path, (lic_curve_metric)metric, &other));
        compare(&curve, &curve);
        compare(&curve, &other);
        compare(&other, &curve);
    }
    fclose(file);
    fclose(known_file);
    return 0;
}
